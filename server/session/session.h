/*
 * Clients that were let in: what is remembered of them until they go.
 */
#ifndef SERVER_SESSION_H
#define SERVER_SESSION_H

#include "server/master.h"

/* Forgets s, its transaction and its spool file; logs how it ended. */
void	session_end(struct master *m, struct session *s, const char *how,
	    const struct ipc_end *end);
/* Closes what the client is reached by: a worker has it, or it is let go. */
void	session_close(struct session *s);
/* Ends the transaction of s, removing its spool file if it has one. */
void	session_reset(struct master *m, struct session *s);
/*
 * Has s lasted longer than any honest worker would let it?  Those end it
 * themselves, by the octets that came (DESIGN: Limits).
 */
bool	session_is_overdue(const struct session *s);
/* Is the pool nearly full (DESIGN: Limits)? */
bool	session_is_hurried(const struct master *m);
/* Idle time a worker should allow now; short when the pool is nearly full. */
uint32_t session_idle_timeout_s(const struct master *m);

#endif
