/*
 * Admission: one place decides who gets in, who waits, who is sent away.
 * No octet of a client is read here.
 */
#ifndef SERVER_ADMIT_H
#define SERVER_ADMIT_H

#include "server/process/pool.h"

/* Accepts what waits at a listener (libevent callback, arg a listener). */
void	admit_accept(evutil_socket_t fd, short what, void *listener);
/*
 * Begins the session of a client that somebody else has accepted, and who may
 * get in is somebody else's business too.  Takes over input, and output where
 * it is another descriptor (else -1).  0, or -1 without memory.
 */
int	admit_one(struct master *m, int input, int output,
	    const struct address *client);
/* 0, or -1 and errno. */
int	admit_start(struct master *m);
/* Sends everybody away who waits. */
void	admit_stop(struct master *m);

/* How a worker is used for a session. */
extern const struct worker_use admit_use;

#endif
