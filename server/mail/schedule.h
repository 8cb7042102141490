/*
 * When, and over which hosts, queued messages are tried: a heap of messages by
 * time, and sites (the set of a domain's MX hosts), each with its breaker and
 * the number of connections that it has shown to take.
 */
#ifndef SERVER_SCHEDULE_H
#define SERVER_SCHEDULE_H

#include "server/mail/queue.h"
#include "server/process/resolver.h"

/* 0, or -1 without memory. */
int	schedule_start(struct master *m);
/* A message was committed, or found at start; it is due at its next_s. */
void	schedule_add(struct master *m, struct queued *q);
/* smtpctl: q is due now, and its sites may be probed; or held; or released. */
void	schedule_retry(struct master *m, struct queued *q);
/* smtpctl: q is given up without a report, also while it is being sent. */
void	schedule_remove(struct master *m, struct queued *q);
/* Nothing new is begun; false: connections still wait for final dots. */
bool	schedule_drain(struct master *m);

/* ---- for smtpctl --------------------------------------------------------- */

struct schedule_count {
	uint64_t	waiting;	/* due, and wait for a connection */
	uint64_t	sending;	/* on a connection now */
	uint64_t	sites;
	uint64_t	sites_closed;	/* their breaker is open */
};
void	schedule_count(const struct master *m, struct schedule_count *out);

struct schedule_site {
	char		 name[smtp_domain_max_bytes + 1];
	uint64_t	 waiting;	/* messages */
	uint32_t	 connections;
	uint32_t	 connections_max;	/* as it has learned */
	int64_t		 probe_s;	/* breaker open until then; 0: shut */
	int64_t		 failed_s;	/* last failure, as time(3); 0: none */
	struct ipc_outcome failure;	/* its words */
};
/*
 * At most max sites: first those whose breaker is open, then those for which
 * most messages wait.  Returns how many.
 */
size_t	schedule_worst(const struct master *m, struct schedule_site *out,
	    size_t max);
/* The site that mail by this route goes to; false: none is known yet. */
bool	schedule_site_of(const struct master *m, const struct route *route,
	    struct schedule_site *out);

#endif
