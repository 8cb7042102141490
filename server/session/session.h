/*
 * Clients that were let in: what is remembered of them until they go.
 */
#ifndef SERVER_SESSION_H
#define SERVER_SESSION_H

#include "server/process/pool.h"

/* What a session does now; one table, one word each. */
#define SESSION_STATES(X)						\
	X(IDLE, "idle")		/* no transaction */			\
	X(MAIL, "mail")		/* sender taken */			\
	X(RCPT, "rcpt")		/* a recipient taken */			\
	X(DATA, "data")		/* the message comes in */		\
	X(COMMIT, "commit")	/* waits for the disk */		\
	X(GREETING, "greeting")	/* held back: does it speak too soon? */ \
	X(WAITING, "waiting")	/* for a worker: a client, no process */

#define SESSION_STATE(name, text) SESSION_##name,
enum session_state { SESSION_STATES(SESSION_STATE) SESSION_STATE_COUNT };
#undef SESSION_STATE

extern const char *const session_state_words[SESSION_STATE_COUNT];

/* s goes to the end of that list, and out of the one where it was. */
void	session_move(struct session *s, enum session_list_kind to);
enum session_state session_state(const struct session *s);

/* What becomes of sessions with their workers (struct worker_use). */
void	session_lost(void *session, const char *how);
void	session_evict(void *session);
bool	session_is_overdue(const void *session);
const char *session_word(const void *session);
void	session_remember(const void *session, uint8_t last[pool_last_bytes]);
void	session_blame(struct master *m, const uint8_t last[pool_last_bytes],
	    struct log_line *l);
/* Forgets s, its transaction and its spool file; logs how it ended. */
void	session_end(struct master *m, struct session *s, const char *how,
	    const struct ipc_end *end);
/* Logs that a client is sent away; id NULL: it had no session yet. */
void	session_log_reject(const struct address *client, const char *id,
	    const char *why);
/* Closes what the client is reached by: a worker has it, or it is let go. */
void	session_close(struct session *s);
/* Ends the transaction of s, removing its spool file if it has one. */
void	session_reset(struct master *m, struct session *s);
/* Is the pool nearly full (DESIGN: Limits)? */
bool	session_is_hurried(const struct master *m);
/* Idle time a worker should allow now; short when the pool is nearly full. */
uint32_t session_idle_timeout_s(const struct master *m);

#endif
