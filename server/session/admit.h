/*
 * Admission: decides which clients are let in, wait, or are turned away.
 * Nothing that a client sends is read here.
 */
#ifndef SERVER_ADMIT_H
#define SERVER_ADMIT_H

#include "server/session/session.h"

/* Accepts clients at a listener's fd (libevent callback, arg the master). */
void	admit_accept(evutil_socket_t fd, short what, void *listener);
/*
 * Begins the session of a client that another program has accepted, without
 * the limits for addresses, which are that program's.  Takes over input, and
 * output if it is another descriptor (else -1).  0, or -1 without memory.
 */
int	admit_one(struct master *m, int input, int output,
	    const struct address *client);
/*
 * The PROXY header of s has come: s belongs to the client that p names from
 * here on, in the log and for limits; or to the proxy, if p names none.
 * REPLY_GREETING; or the reply that refuses it, and s can only end.
 */
enum smtp_reply admit_proxied(struct session *s, const struct ipc_proxy *p);
/* Turns away every client that waits. */
void	admit_stop(struct master *m);

#endif
