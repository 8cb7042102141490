/* Of a route, what can be tried. */
#include "server/process/resolver.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "shared/deadline.h"

enum { no_ipv6_ms = 5 * 60 * 1000 };

static int64_t no_ipv6_until_ms;

/* By a name, or an address of every host; dial refuses the others (ELOOP). */
static bool
host_is_own(const struct master *m, const struct ipc_host *h)
{
	const char *const own[] = { m->conf.hostname,
	    m->conf.relay.sources[0].name, m->conf.relay.sources[1].name };

	for (size_t i = 0; i < 3; i++)
		if (own[i] != NULL && strcasecmp(own[i], h->name) == 0)
			return true;
	for (size_t i = 0; i < h->count; i++)
		if (ip_reach(&h->addresses[i]) == IP_SPECIAL)
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
add_hops(struct path *p, const struct ipc_host *h, bool ipv6_may)
{
	const bool first = h->count > 0 && h->addresses[0].ipv6;

	for (unsigned turn = 0; turn < 2 * resolve_addresses_max; turn++) {
		const bool ipv6 = (turn % 2 == 0) == first;
		unsigned nth = 0;

		for (size_t i = 0; i < h->count && (ipv6_may || !ipv6); i++)
			if (h->addresses[i].ipv6 == ipv6 && nth++ == turn / 2)
				p->hops[p->hop_count++] = (struct path_hop){
				    .host = h, .ip = &h->addresses[i] };
	}
}

/*
 * Hosts without an address are kept, for the names make the site.  One of the
 * same preference as ours, or worse, would send the mail back.
 */
struct path *
path_make(const struct master *m, const struct route *r, uint16_t port,
    bool written, enum relay_end *why)
{
	static const enum relay_end ends[RESOLVE_STATUS_COUNT] = {
		[RESOLVE_OK] = RELAY_END_LOCAL,
		[RESOLVE_NO_DOMAIN] = RELAY_END_NO_DOMAIN,
		[RESOLVE_NO_DATA] = RELAY_END_NO_HOST,
		[RESOLVE_NULL_MX] = RELAY_END_NO_MAIL,
		[RESOLVE_TROUBLE] = RELAY_END_NO_DNS
	};
	uint32_t least = UINT16_MAX + 1;	/* that is no better than us */
	bool trouble = false;
	bool ipv6 = deadline_now_ms() >= no_ipv6_until_ms;
	struct path *p;

	*why = ends[r->status];
	p = r->status != RESOLVE_OK ? NULL :
	    calloc(1, sizeof(*p) + r->count * sizeof(p->hosts[0]));
	if (p == NULL)
		return NULL;
	for (size_t i = 0; i < r->count && !written; i++)
		if (r->hosts[i].preference < least &&
		    host_is_own(m, &r->hosts[i]))
			least = r->hosts[i].preference;
	p->users = 1;
	p->port = port;
	for (size_t i = 0; i < r->count && p->host_count < resolve_hosts_max;
	    i++) {
		if (r->hosts[i].preference >= least)
			continue;
		p->hosts[p->host_count++] = r->hosts[i];
		trouble = trouble || r->hosts[i].status == RESOLVE_TROUBLE;
	}
	for (int tries = 0; tries < 2 && p->hop_count == 0; tries++)
		for (size_t i = 0; i < p->host_count; i++)
			add_hops(p, &p->hosts[i], ipv6 || tries > 0);
	if (p->hop_count == 0) {
		*why = trouble ? RELAY_END_NO_DNS : least <= UINT16_MAX ?
		    RELAY_END_OURSELVES : RELAY_END_NO_HOST;
		free(p);
		return NULL;
	}
	set_key(p);
	return p;
}

void
path_leave(struct path *p)
{
	if (p != NULL && --p->users == 0)
		free(p);
}

bool
path_other_family(const struct path *p, size_t *hop)
{
	bool ipv6 = p->hops[*hop].ip->ipv6;

	for (*hop = 0; *hop < p->hop_count; ++*hop)
		if (p->hops[*hop].ip->ipv6 != ipv6)
			return true;
	return false;
}

void
path_avoid_ipv6(void)
{
	no_ipv6_until_ms = deadline_now_ms() + no_ipv6_ms;
}
