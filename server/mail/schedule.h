/* When queued messages are tried. */
#ifndef SERVER_SCHEDULE_H
#define SERVER_SCHEDULE_H

#include "server/mail/queue.h"

/* 0, or -1 without memory. */
int	schedule_start(struct master *m);
/* A message was committed, or found at start; it is due at its next_s. */
void	schedule_add(struct master *m, struct queued *q);
/* smtpctl: q is due now, and its site may be probed. */
void	schedule_retry(struct master *m, struct queued *q);
/* smtpctl: q is given up without a report, also while it is being sent. */
void	schedule_remove(struct master *m, struct queued *q);
/* Nothing new is begun; false: connections still wait for final dots. */
bool	schedule_drain(struct master *m);

#endif
