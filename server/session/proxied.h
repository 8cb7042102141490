/*
 * The client behind a proxy, as a worker has read it in a PROXY header.
 */
#ifndef SERVER_PROXIED_H
#define SERVER_PROXIED_H

#include "server/session/session.h"

/*
 * The PROXY header of s has come: s belongs to the client that p names from
 * here on, in the log and for limits; or to the proxy, if p names none.
 * Returns whether s may go on.
 */
enum proxy_answer proxied_take(struct master *m, struct session *s,
	    const struct ipc_proxy *p);
/* The header of s is missing or wrong, and s can only end. */
void	proxied_fail(struct master *m, struct session *s,
	    enum proxy_fail why);

#endif
