/*
 * The pool of processes: nurseries, and workers forked ahead of need.
 */
#ifndef SERVER_POOL_H
#define SERVER_POOL_H

#include "server/master.h"

/*
 * Takes over the channels of two nurseries that were just started (or of one,
 * and -1: none will stand by) and sends them their settings.  They hold
 * themselves while the master does the same.
 */
void	pool_start(struct master *m, const int channels[nursery_count]);
/*
 * Waits until they have proved their sandbox; workers are forked from then on.
 * 0; or -1, *why in words (static storage) for the one line of fatal().
 */
int	pool_wait(struct master *m, const char **why);
/* Gives the session a worker, now or as soon as one is born. */
void	pool_assign(struct master *m, struct session *s);
/*
 * The session of w has ended in order: the worker waits for its next one, or
 * ends with it.
 */
void	pool_release(struct worker *w);
/* Asks for the workers that are missing. */
void	pool_ask(struct master *m);
/* Gives idle workers to sessions that wait, as long as there are both. */
void	pool_serve(struct master *m);
/* Ends the session of w at once, for somebody else needs its place. */
void	pool_evict(struct worker *w);
/*
 * The server is to stop: idle workers go, the others end their sessions at
 * the next command and finish the message under way.
 */
void	pool_drain(struct master *m);
/* Closes every channel: no session goes on. */
void	pool_stop(struct master *m);

#endif
