/*
 * The pool of processes: nurseries, and workers forked ahead of need.
 */
#ifndef SERVER_POOL_H
#define SERVER_POOL_H

#include "server/master.h"

/*
 * Takes over the channels of two nurseries that were just started, sends
 * them their settings and waits until both have proved their sandbox.
 * 0; or -1, *why in words (static storage) for the one line of fatal().
 */
int	pool_start(struct master *m, const int channels[nursery_count],
	    const char **why);
/* Gives the session a worker, now or as soon as one is born. */
void	pool_assign(struct master *m, struct session *s);
/*
 * The session of w has ended in order: the worker waits for its next one, or
 * ends with it.
 */
void	pool_release(struct worker *w);
/* Lets w go: closes its channel, which is the end of an honest worker. */
void	pool_drop(struct worker *w);
/* A worker broke the contract: it is killed, and its client refused. */
void	pool_kill(struct worker *w, const char *why);
/* Closes every channel: no session goes on. */
void	pool_stop(struct master *m);

#endif
