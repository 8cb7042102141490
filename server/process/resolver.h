/*
 * Questions to the DNS: a throw-away worker asks name servers over sockets that
 * dial has connected; the master gets hosts and addresses that were checked.
 * Routes are cached for their TTL.
 */
#ifndef SERVER_RESOLVER_H
#define SERVER_RESOLVER_H

#include <sys/queue.h>

#include "server/process/pool.h"

/*
 * Where mail for a domain goes.  Hosts are in order, equal ones in any; there
 * is a NUL behind their names.
 */
struct route {
	enum resolve_status	 status;
	bool			 implicit;	/* no MX: the name itself */
	bool			 secure;	/* AD, of a server believed */
	uint32_t		 ttl_s;
	size_t			 count;
	struct ipc_host		 hosts[];
};

/* A question; the caller's, until done() or resolver_forget(). */
struct resolver_job {
	LIST_ENTRY(resolver_job) entry;
	enum resolve_kind	 kind;
	char			 name[smtp_domain_max_bytes + 1]; /* ASCII */
	/* route is borrowed during the call; never NULL. */
	void			(*done)(void *arg, const struct route *route);
	void			*arg;
	bool			 open;		/* asked, and not told yet */
};

/* Nothing is asked without a relay block. */
void	resolver_start(struct master *m);
/* done() is called after this returns.  False without memory: never. */
bool	resolver_ask(struct resolver_job *job);
/* Nobody waits for the answer any more, which is cached all the same. */
void	resolver_forget(struct resolver_job *job);

/* For smtpctl; times are deadline_now_ms(), 0: never. */
struct resolver_figures {
	int64_t		secure_ms;	/* last answer with AD */
	int64_t		answer_ms;	/* last answer of any kind */
	uint32_t	open;		/* questions under way */
	uint32_t	cached;		/* routes */
};
void	resolver_figures(struct resolver_figures *out);

/* Knows nothing any more: after SIGHUP, or when somebody says "retry". */
void	resolver_renew(void);

/* For the pool: an owner is one worker that resolves. */
extern const struct worker_use resolver_use;

/* ---- path.c: addresses of a route as they are tried (RFC 5321 5.1) ------- */

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
