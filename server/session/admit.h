/*
 * Admission: one place decides who gets in, who waits, who is sent away.
 * No octet of a client is read here.
 */
#ifndef SERVER_ADMIT_H
#define SERVER_ADMIT_H

#include <event2/util.h>

#include "server/session/address.h"

struct master;

/* Accepts what waits at a listener (libevent callback, arg a listener). */
void	admit_accept(evutil_socket_t fd, short what, void *listener);
/*
 * Begins the session of a client that somebody else has accepted, and who may
 * get in is somebody else's business too.  Takes over input, and output where
 * it is another descriptor (else -1).  0, or -1 without memory.
 */
int	admit_one(struct master *m, int input, int output,
	    const struct address *client);
/* Sends everybody away who waits. */
void	admit_stop(struct master *m);

#endif
