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

#endif
