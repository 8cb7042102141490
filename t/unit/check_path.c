/*
 * path: which hosts of a route are tried, in which order, and when mail would
 * come back.
 */
#include "t/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "server/process/resolver.h"
#include "shared/ip.h"

static struct master m;
static char hostname[] = "mx.example.org";

/* A route of hosts as "PREFERENCE NAME ADDRESS..."; NULL ends. */
static struct route *
route(const char *const lines[])
{
	static union {
		struct route	route;
		char		space[64 * 1024];
	} r;
	size_t n = 0;

	m.conf.hostname = hostname;
	memset(&r, 0, sizeof(r));
	for (; lines[n] != NULL; n++) {
		struct ipc_host *h = &r.route.hosts[n];
		char text[512], *word, *rest = text;

		strlcpy(text, lines[n], sizeof(text));
		h->preference = (uint16_t)atoi(strsep(&rest, " "));
		strlcpy(h->name, strsep(&rest, " "), sizeof(h->name));
		while ((word = strsep(&rest, " ")) != NULL) {
			if (strcmp(word, "trouble") == 0) {
				h->status = RESOLVE_TROUBLE;
				continue;
			}
			ck_assert(ip_parse(span_of(word),
			    &h->addresses[h->count++]));
		}
	}
	r.route.count = n;
	return &r.route;
}

/* The hops as "NAME4 NAME6 ..."; or why there is no path. */
static const char *
hops(const char *const lines[], bool written)
{
	static char out[1024];
	enum relay_end why;
	struct path *p = path_make(&m, route(lines), 25, written, &why);

	out[0] = '\0';
	if (p == NULL) {
		snprintf(out, sizeof(out), "%s", why == RELAY_END_OURSELVES ?
		    "ourselves" : why == RELAY_END_NO_HOST ? "no host" :
		    why == RELAY_END_NO_DNS ? "no dns" : "?");
		return out;
	}
	for (size_t i = 0; i < p->hop_count; i++)
		snprintf(out + strlen(out), sizeof(out) - strlen(out),
		    "%s%s%c", i == 0 ? "" : " ", p->hops[i].host->name,
		    p->hops[i].ip->ipv6 ? '6' : '4');
	path_leave(p);
	return out;
}

#define HOPS(want, ...) ck_assert_str_eq(hops((const char *const[])	\
	    { __VA_ARGS__, NULL }, false), want)

TEST(families_in_turn)
{
	HOPS("a6 a4 a6 a4", "10 a 2001:db8::1 2001:db8::2 192.0.2.1 "
	    "192.0.2.2");
	HOPS("a4 a6 a6", "10 a 192.0.2.1 2001:db8::1 2001:db8::2");
	HOPS("a4 a4 b6", "10 a 192.0.2.1 192.0.2.2", "20 b 2001:db8::1");
}

/* A host without addresses is passed over. */
TEST(no_addresses)
{
	HOPS("b4", "10 a", "20 b 192.0.2.1");
	HOPS("no host", "10 a", "20 b");
	HOPS("no dns", "10 a trouble", "20 b");
	HOPS("b4", "10 a trouble", "20 b 192.0.2.1");
}

/* RFC 5321 5.1: ours, and all that are not better; dial knows our addresses. */
TEST(ourselves)
{
	static const char *const spellings[] = { "127.0.0.1", "127.9.9.9",
	    "0.0.0.0", "::1", "::", "::ffff:127.0.0.1" };
	char line[64];

	HOPS("a4", "10 a 192.0.2.1", "20 mx.example.org 192.0.2.2",
	    "30 c 192.0.2.3");
	HOPS("a4", "10 a 192.0.2.1", "20 b 192.0.2.2",
	    "20 MX.example.ORG 192.0.2.4", "20 d 192.0.2.3");
	HOPS("ourselves", "0 mx.example.org 192.0.2.2");
	/* What is better may be there later. */
	HOPS("no dns", "10 a trouble", "20 mx.example.org 192.0.2.2");
	for (size_t i = 0; i < 6; i++) {
		snprintf(line, sizeof(line), "10 a %s", spellings[i]);
		HOPS("ourselves", line);
		HOPS("ourselves", line, "10 b 192.0.2.1");
	}
	/* A host that the configuration names is what was wanted. */
	ck_assert_str_eq(hops((const char *const[]){ "0 localhost 127.0.0.1",
	    NULL }, true), "localhost4");
}

/* The names make the site, in whatever order; and the port. */
TEST(site)
{
	static const char *const ab[] = { "10 a 192.0.2.1", "20 b 192.0.2.2",
	    NULL }, *const ba[] = { "5 b 192.0.2.2", "7 a 192.0.2.9", NULL },
	    *const a[] = { "10 a 192.0.2.1", NULL };
	enum relay_end why;
	struct path *p = path_make(&m, route(ab), 25, false, &why), *q;

	q = path_make(&m, route(ba), 25, false, &why);
	ck_assert(memcmp(p->key, q->key, sizeof(p->key)) == 0);
	path_leave(q);
	q = path_make(&m, route(a), 25, false, &why);
	ck_assert(memcmp(p->key, q->key, sizeof(p->key)) != 0);
	path_leave(q);
	q = path_make(&m, route(ab), 2525, false, &why);
	ck_assert(memcmp(p->key, q->key, sizeof(p->key)) != 0);
	path_leave(q);
	path_leave(p);
}

TEST(other_family)
{
	static const char *const both[] = { "10 a 2001:db8::1 192.0.2.1",
	    "20 b 2001:db8::2", NULL };
	enum relay_end why;
	struct path *p = path_make(&m, route(both), 25, false, &why);
	size_t hop = 0;

	ck_assert(path_other_family(p, &hop) && hop == 1);
	ck_assert(path_other_family(p, &hop) && hop == 0);
	path_leave(p);
}

/* Where there is nothing else, IPv6 is tried all the same. */
TEST(without_ipv6)
{
	path_avoid_ipv6();
	HOPS("a4 b4", "10 a 2001:db8::1 192.0.2.1",
	    "20 b 2001:db8::2 192.0.2.2");
	HOPS("a6", "10 a 2001:db8::1");
}
