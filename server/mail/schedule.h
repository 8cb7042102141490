/*
 * When, and over which hosts, queued messages are tried: a heap of messages by
 * time, and sites (the set of a domain's MX hosts), each with its breaker and
 * the number of connections that it has shown to take.
 */
#ifndef SERVER_SCHEDULE_H
#define SERVER_SCHEDULE_H

#include "server/mail/queue.h"
#include "server/process/path.h"

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

/* Is q being tried?  Else its time, or its site, is waited for. */
bool	schedule_is_busy(const struct master *m, const struct queued *q);

#endif
