/*
 * The client behind a proxy, as a worker has read it in a PROXY header.
 */
#ifndef SERVER_PROXIED_H
#define SERVER_PROXIED_H

#include "server/session/session.h"

/*
 * The header of s, which is due, has come: s is of that client from here on,
 * in the log, the limits and whatever else; or the proxy's own.  Whether it
 * may go on.
 */
enum proxy_answer proxied_take(struct master *m, struct session *s,
	    const struct ipc_proxy *p);
/* Or it has not, and s can only end. */
void	proxied_fail(struct master *m, struct session *s,
	    enum proxy_fail why);

#endif
