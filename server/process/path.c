/*
 * Of a route, what can be tried.
 */
#include "server/process/path.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "shared/array.h"
#include "shared/deadline.h"
#include "shared/ip.h"
#include "shared/log.h"

enum { no_ipv6_ms = 5 * 60 * 1000 };

static struct {
	struct ipc_ip	*ips;
	size_t		 count;
} own;
static int64_t no_ipv6_until_ms;

static size_t
ip_bytes(const struct ipc_ip *ip)
{
	return ip->ipv6 ? 16 : 4;
}

void
path_start(void)
{
	struct ifaddrs *all, *a;

	if (getifaddrs(&all) == -1)
		return;
	for (a = all; a != NULL; a = a->ifa_next) {
		const struct sockaddr *sa = a->ifa_addr;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct ipc_ip ip = { 0 };

		if (sa == NULL || (sa->sa_family != AF_INET &&
		    sa->sa_family != AF_INET6))
			continue;
		ip.ipv6 = sa->sa_family == AF_INET6;
		memcpy(&v4, sa, sizeof(v4));
		if (ip.ipv6)
			memcpy(&v6, sa, sizeof(v6));
		memcpy(ip.ip, ip.ipv6 ? (const void *)&v6.sin6_addr :
		    (const void *)&v4.sin_addr, ip_bytes(&ip));
		(void)array_add(&own.ips, &own.count, &ip, sizeof(ip));
	}
	freeifaddrs(all);
}

/* Whoever connects to these reaches itself, or nobody. */
static bool
ip_is_own(const struct ipc_ip *ip)
{
	if (ip_reach(ip->ipv6, ip->ip) == IP_SPECIAL)
		return true;
	for (size_t i = 0; i < own.count; i++)
		if (own.ips[i].ipv6 == ip->ipv6 && memcmp(own.ips[i].ip,
		    ip->ip, ip_bytes(ip)) == 0)
			return true;
	return false;
}

static bool
name_is(const char *own_name, const char *name)
{
	return own_name != NULL &&
	    span_equal_fold(span_of(own_name), span_of(name));
}

static bool
host_is_own(const struct master *m, const struct ipc_host *h)
{
	const struct conf *c = &m->conf;

	if (name_is(c->hostname, h->name) ||
	    name_is(c->relay.sources[0].name, h->name) ||
	    name_is(c->relay.sources[1].name, h->name))
		return true;
	for (size_t i = 0; i < h->count; i++)
		if (ip_is_own(&h->addresses[i]))
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
add_hops(struct path *p, uint8_t host)
{
	const struct ipc_host *h = &p->hosts[host];
	size_t next[2] = { 0, 0 };
	bool ipv6 = h->count > 0 && h->addresses[0].ipv6;

	for (size_t left = h->count; left > 0; left--) {
		for (int tries = 0; tries < 2; tries++, ipv6 = !ipv6) {
			size_t *i = &next[ipv6];

			while (*i < h->count && h->addresses[*i].ipv6 != ipv6)
				++*i;
			if (*i < h->count)
				break;
		}
		p->hops[p->hop_count++] = (struct path_hop){ .host = host,
		    .address = (uint8_t)next[ipv6]++ };
		ipv6 = !ipv6;
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
 * Hosts are kept in order: the names make the site, so those without an address
 * now are kept, too.  A host of the same preference as ours, or worse, would
 * send the mail back.
 */
struct path *
path_make(const struct master *m, const struct route *r, uint16_t port,
    bool written, enum relay_end *why)
{
	uint16_t worst = UINT16_MAX;
	bool cut = false, trouble = false;
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
		p->hosts[p->host_count] = r->hosts[i];
		add_hops(p, (uint8_t)p->host_count++);
		trouble = trouble || r->hosts[i].status == RESOLVE_TROUBLE;
	}
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
path_to_ip(const struct master *m, struct span s, uint16_t port, bool written,
    enum relay_end *why)
{
	struct route *r = calloc(1, sizeof(*r) + sizeof(r->hosts[0]));
	struct path *p = NULL;
	struct ipc_ip *ip;
	bool ipv6;

	*why = RELAY_END_LOCAL;
	if (r == NULL)
		return NULL;
	ip = &r->hosts[0].addresses[0];
	if (s.n > 2 && s.p[0] == '[')
		s = span_from(s.p + 1, s.n - 2);
	if (span_begins_fold(s, span_of("IPv6:")))
		s = span_skip(s, strlen("IPv6:"));
	*why = RELAY_END_NO_HOST;
	if (ip_parse(s, &ipv6, ip->ip)) {
		ip->ipv6 = ipv6;
		r->status = RESOLVE_OK;
		r->count = r->hosts[0].count = 1;
		memcpy(r->hosts[0].name, s.p, s.n);
		p = path_make(m, r, port, written, why);
	}
	free(r);
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

static bool
is_usable(const struct path *p, size_t hop)
{
	return !path_ip(p, hop)->ipv6 ||
	    deadline_now_ms() >= no_ipv6_until_ms;
}

size_t
path_first(const struct path *p)
{
	size_t hop = 0;

	return is_usable(p, 0) || path_next(p, &hop) ? hop : 0;
}

bool
path_next(const struct path *p, size_t *hop)
{
	for (++*hop; *hop < p->hop_count; ++*hop)
		if (is_usable(p, *hop))
			return true;
	return false;
}

bool
path_other_family(const struct path *p, size_t *hop)
{
	bool ipv6 = path_ip(p, *hop)->ipv6;

	for (*hop = 0; *hop < p->hop_count; ++*hop)
		if (path_ip(p, *hop)->ipv6 != ipv6 && is_usable(p, *hop))
			return true;
	return false;
}

void
path_avoid_ipv6(void)
{
	no_ipv6_until_ms = deadline_now_ms() + no_ipv6_ms;
}
