/*
 * Workers, as their nurseries and their channels tell of them.
 */
#ifndef SERVER_POOL_WORKER_H
#define SERVER_POOL_WORKER_H

#include "server/master.h"

/*
 * A worker was born of n; channel is the pool's now.  Not fresh: of an image
 * that has been renewed since, so its channel is closed.
 */
void	pool_newborn(struct nursery *n, pid_t pid, int channel, bool fresh);
/* count workers that were asked for will not come; why is logged. */
void	pool_stillborn(struct master *m, uint64_t count, const char *why);
/*
 * Child pid of n has ended; status of waitpid(2), 0: in order.  False: n bore
 * no such child, or has told of its end before.
 */
bool	pool_died(struct nursery *n, pid_t pid, int status);
/* Lets w go: closes its channel, which is the end of an honest worker. */
void	pool_drop(struct worker *w);
/* A worker broke the contract: it is killed, and its client refused. */
void	pool_kill(struct worker *w, const char *why);
/* Idle workers of an older generation go. */
void	pool_retire_idle(struct master *m);
/* Once a second: kills who stays too long, in a session or after it. */
void	pool_worker_police(struct master *m);
/* Who is to answer for what becomes of w from now on: its client. */
void	pool_worker_note_last(struct worker *w);
/* Frees w, which was let go and whose end is known, or never will be. */
void	pool_worker_forget(struct worker *w);
/* The channel of w has ended, or cannot be used, in the middle of things. */
void	pool_lost(struct worker *w, const char *how);
/*
 * n has gone: nobody will tell of the end of its workers.  was_active: those
 * that were asked of it will not come.
 */
void	pool_nursery_lost(struct nursery *n, bool was_active);

#endif
