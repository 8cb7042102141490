/*
 * One attempt at a queued message: its remaining recipients go to their sites,
 * and when each has a verdict, or has to wait, its sender gets the reports.
 */
#ifndef SERVER_ATTEMPT_H
#define SERVER_ATTEMPT_H

#include "server/mail/queue.h"

struct attempt;
struct site;

/*
 * later: q is left over, and due at its next_s; or when wait_for, unless NULL,
 * can take it.  What is over leaves the queue without a word.
 */
void	attempt_start(void (*later)(struct master *m, struct queued *q,
	    struct site *wait_for));
/* Begins one, which is q->work until it ends; may end it at once. */
void	attempt_begin(struct master *m, struct queued *q);
/* Gives it up as soon as no host has it; q leaves the queue then. */
void	attempt_remove(struct attempt *a);
/* So many groups of recipients are on their way, or wait. */
size_t	attempt_groups(void);

#endif
