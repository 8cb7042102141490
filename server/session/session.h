/*
 * Clients that were let in: what is remembered of them until they go.
 */
#ifndef SERVER_SESSION_H
#define SERVER_SESSION_H

#include <event2/event_struct.h>
#include <sys/queue.h>

#include "server/mail/message.h"
#include "server/process/pool.h"
#include "server/process/sign.h"
#include "server/session/address.h"

enum session_list_kind {
	SESSIONS_NONE,
	SESSIONS_GREETING,	/* held back */
	SESSIONS_PENDING,	/* no worker yet */
	SESSIONS_SERVED,
	SESSIONS_KINDS
};

/* One client, from accept(2) to its end. */
struct session {
	TAILQ_ENTRY(session)	 entry;
	enum session_list_kind	 list;		/* the list it is in */
	struct worker		*worker;	/* NULL: it waits for one */
	bool			 evicted;	/* another needs its slot */
	struct login		*login;		/* not answered yet; or NULL */
	struct signing		 signing;	/* waits for a signature */
	int			 socket;	/* -1: a worker has it */
	int			 output;	/* if not socket; or -1 */
	char			 id[ipc_id_bytes + 1];
	struct master		*master;
	struct address		 client;
	bool			 header_due;	/* a PROXY header */
	bool			 of_proxy;	/* client is the proxy itself */
	struct address_host	*host;		/* in the address book */
	struct conf_epoch	*epoch;		/* NULL: no worker yet */
	struct event		 early;		/* for the greeting wait */
	bool			 dismissed;	/* its last line was sent */
	bool			 served;	/* a worker has it, or had */
	int64_t			 start_ms;
	int64_t			 disk_ms;	/* spent waiting for our disk */
	unsigned		 notes;
	enum ipc_auth		 auth;		/* offered by its listener */
	char			 user[login_name_max_bytes]; /* logged in;
						   empty: nobody */
	bool			 submission;	/* of its listener */
	bool			 hide_client;
	bool			 tls_first;	/* RFC 8314 */
	bool			 has_signed;	/* used its one signature */
	bool			 tls_on;
	bool			 tls_failed;
	struct ipc_tls		 tls;		/* what was agreed on */
	uint64_t		 stored;	/* messages */
	uint64_t		 stored_bytes;
	struct recipient_log	 refusals;	/* for keep-refused */
	struct refused_text	*refused;	/* transcript; NULL: empty */
	struct message		 tx;		/* from MAIL to its answer */
};
TAILQ_HEAD(session_list, session);

struct sessions {
	struct session_list	 list[SESSIONS_KINDS];
	uint64_t		 count[SESSIONS_KINDS];
	struct event		 room;	/* when to free slots */
	bool			 stressed;	/* state last sent to workers */
};

/* What a session does now; one table, one word each. */
#define SESSION_STATES(X)						\
	X(IDLE, "idle")		/* no transaction */			\
	X(MAIL, "mail")		/* sender taken */			\
	X(RCPT, "rcpt")		/* a recipient taken */			\
	X(DATA, "data")		/* the message comes in */		\
	X(COMMIT, "commit")	/* waits for the disk */		\
	X(GREETING, "greeting")	/* held back before the greeting */	\
	X(WAITING, "waiting")	/* a client without a worker */

#define SESSION_STATE(name, text) SESSION_##name,
enum session_state { SESSION_STATES(SESSION_STATE) SESSION_STATE_COUNT };
#undef SESSION_STATE

extern const char *const session_state_words[SESSION_STATE_COUNT];

enum session_state session_state(const struct session *s);

/*
 * Frees s, its transaction and its spool file; logs how it ended: by end, or
 * (end NULL) by how.
 */
void	session_end(struct session *s, const char *how,
	    const struct ipc_end *end);
/*
 * Refuses the client of s: in the log, in a counter and, unless a worker has
 * its socket, with a reply line.
 */
void	session_refuse(struct session *s, enum refusal why);
/* Refuses the client of s, which waits without a worker, and ends s. */
void	session_turn_away(struct session *s, enum refusal why);
/* Begins a line of the log with the session and the client of s. */
void	session_log_begin(const struct session *s, enum log_level level,
	    const char *event, struct log_line *out);
/* Closes the client's descriptors: a worker has them, or s ends. */
void	session_close(struct session *s);
/* Moves s from its list to the end of another. */
void	session_move(struct session *s, enum session_list_kind to);

#endif
