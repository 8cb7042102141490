/*
 * Of a route, what can be tried.
 */
#include "server/process/path.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "shared/deadline.h"
#include "shared/ip.h"

enum { no_ipv6_ms = 5 * 60 * 1000 };

static int64_t no_ipv6_until_ms;

static bool
name_is(const char *own_name, const char *name)
{
	return own_name != NULL &&
	    span_equal_fold(span_of(own_name), span_of(name));
}

/* By a name, or an address of every host; dial refuses the others (ELOOP). */
static bool
host_is_own(const struct master *m, const struct ipc_host *h)
{
	const struct conf *c = &m->conf;

	if (name_is(c->hostname, h->name) ||
	    name_is(c->relay.sources[0].name, h->name) ||
	    name_is(c->relay.sources[1].name, h->name))
		return true;
	for (size_t i = 0; i < h->count; i++)
		if (ip_reach(h->addresses[i].ipv6, h->addresses[i].ip) ==
		    IP_SPECIAL)
			return true;
	return false;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Of the names, in whatever order: all domains of a provider are one site. */
static void
set_key(struct path *p)
{
	crypto_generichash_state state;
	const char *names[resolve_hosts_max] = { NULL };
	size_t n = p->host_count;

	for (size_t i = 0; i < n; i++)
		names[i] = p->hosts[i].name;
	qsort(names, n, sizeof(names[0]), compare_names);
	crypto_generichash_init(&state, NULL, 0, sizeof(p->key));
	for (size_t i = 0; i < n; i++)
		crypto_generichash_update(&state, (const uint8_t *)names[i],
		    strlen(names[i]) + 1);
	crypto_generichash_update(&state, (const uint8_t *)&p->port,
	    sizeof(p->port));
	crypto_generichash_final(&state, p->key, sizeof(p->key));
}

/* The addresses of a host, the families in turn. */
static void
add_hops(struct path *p, uint8_t host, bool ipv6_may)
{
	const struct ipc_host *h = &p->hosts[host];
	const bool first = h->count > 0 && h->addresses[0].ipv6;

	for (unsigned turn = 0; turn < 2 * resolve_addresses_max; turn++) {
		const bool ipv6 = (turn % 2 == 0) == first;
		unsigned nth = 0;

		for (uint8_t i = 0; i < h->count && (ipv6_may || !ipv6); i++)
			if (h->addresses[i].ipv6 == ipv6 && nth++ == turn / 2)
				p->hops[p->hop_count++] = (struct path_hop){
				    .host = host, .address = i };
	}
}

static enum relay_end
why_of(const struct route *r)
{
	if (r->status == RESOLVE_NO_DOMAIN)
		return RELAY_END_NO_DOMAIN;
	if (r->status == RESOLVE_NULL_MX)
		return RELAY_END_NO_MAIL;
	return r->status == RESOLVE_NO_DATA ? RELAY_END_NO_HOST :
	    RELAY_END_NO_DNS;
}

/*
 * Hosts without an address are kept, for the names make the site.  One of the
 * same preference as ours, or worse, would send the mail back.
 */
struct path *
path_make(const struct master *m, const struct route *r, uint16_t port,
    bool written, enum relay_end *why)
{
	uint16_t worst = UINT16_MAX;
	bool cut = false, trouble = false;
	bool ipv6 = deadline_now_ms() >= no_ipv6_until_ms;
	struct path *p;

	*why = why_of(r);
	if (r->status != RESOLVE_OK)
		return NULL;
	for (size_t i = 0; i < r->count && !written; i++)
		if (host_is_own(m, &r->hosts[i]) && (!cut ||
		    r->hosts[i].preference < worst)) {
			worst = r->hosts[i].preference;
			cut = true;
		}
	p = calloc(1, sizeof(*p) + r->count * sizeof(p->hosts[0]));
	*why = RELAY_END_LOCAL;
	if (p == NULL)
		return NULL;
	p->users = 1;
	p->port = port;
	for (size_t i = 0; i < r->count && p->host_count < resolve_hosts_max;
	    i++) {
		if (cut && r->hosts[i].preference >= worst)
			continue;
		p->hosts[p->host_count++] = r->hosts[i];
		trouble = trouble || r->hosts[i].status == RESOLVE_TROUBLE;
	}
	for (int tries = 0; tries < 2 && p->hop_count == 0; tries++)
		for (size_t i = 0; i < p->host_count; i++)
			add_hops(p, (uint8_t)i, ipv6 || tries > 0);
	if (p->hop_count == 0) {
		*why = trouble ? RELAY_END_NO_DNS : cut ? RELAY_END_OURSELVES :
		    RELAY_END_NO_HOST;
		free(p);
		return NULL;
	}
	set_key(p);
	return p;
}

struct path *
path_enter(struct path *p)
{
	p->users++;
	return p;
}

void
path_leave(struct path *p)
{
	if (p != NULL && --p->users == 0)
		free(p);
}

const struct ipc_host *
path_host(const struct path *p, size_t hop)
{
	return &p->hosts[p->hops[hop].host];
}

const struct ipc_ip *
path_ip(const struct path *p, size_t hop)
{
	return &path_host(p, hop)->addresses[p->hops[hop].address];
}

bool
path_other_family(const struct path *p, size_t *hop)
{
	bool ipv6 = path_ip(p, *hop)->ipv6;

	for (*hop = 0; *hop < p->hop_count; ++*hop)
		if (path_ip(p, *hop)->ipv6 != ipv6)
			return true;
	return false;
}

void
path_avoid_ipv6(void)
{
	no_ipv6_until_ms = deadline_now_ms() + no_ipv6_ms;
}
