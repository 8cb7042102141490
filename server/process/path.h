/*
 * The way to a site: addresses as they are tried, without ours (RFC 5321 5.1).
 */
#ifndef SERVER_PATH_H
#define SERVER_PATH_H

#include "server/process/resolver.h"

enum {
	path_key_bytes = 16,
	path_hops_max = resolve_hosts_max * resolve_addresses_max
};

struct path_hop {
	const struct ipc_host	*host;
	const struct ip	*ip;
};

struct path {
	unsigned		 users;
	uint16_t		 port;
	uint8_t			 key[path_key_bytes];	/* of the site */
	size_t			 hop_count;	/* at least 1 */
	struct path_hop		 hops[path_hops_max];
	size_t			 host_count;
	struct ipc_host		 hosts[];
};

/*
 * By r, with one user; written: smtpd.conf has named the host.  NULL: there is
 * no way, and *why; LOCAL without memory.
 */
struct path *path_make(const struct master *m, const struct route *r,
	    uint16_t port, bool written, enum relay_end *why);
/* The last of its users frees p. */
void	path_leave(struct path *p);
/* The first of another address family than *hop. */
bool	path_other_family(const struct path *p, size_t *hop);
/* IPv6 does not leave this host: new paths are without, for some minutes. */
void	path_avoid_ipv6(void);

#endif
