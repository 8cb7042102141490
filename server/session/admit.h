/*
 * Admission: decides which clients are let in, wait, or are turned away.
 * Nothing that a client sends is read here.
 */
#ifndef SERVER_ADMIT_H
#define SERVER_ADMIT_H

#include <event2/util.h>

#include "server/session/address.h"

struct master;

/* Accepts clients at a listener's fd (libevent callback, arg the master). */
void	admit_accept(evutil_socket_t fd, short what, void *listener);
/*
 * Begins the session of a client that another program has accepted, without
 * the limits for addresses, which are that program's.  Takes over input, and
 * output if it is another descriptor (else -1).  0, or -1 without memory.
 */
int	admit_one(struct master *m, int input, int output,
	    const struct address *client);
/* Turns away every client that waits. */
void	admit_stop(struct master *m);

#endif
