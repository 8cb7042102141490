/* Clients that were let in: what is remembered of them until they go. */
#ifndef SERVER_SESSION_H
#define SERVER_SESSION_H

#include <event2/event_struct.h>
#include <sys/queue.h>

#include "server/mail/message.h"
#include "server/process/pool.h"
#include "server/process/tls_files.h"
#include "server/session/address.h"

enum session_list_kind {
	SESSIONS_NONE,
	SESSIONS_GREETING,	/* held back */
	SESSIONS_PENDING,	/* no worker yet */
	SESSIONS_SERVED,
	SESSIONS_KINDS
};

/* How far TLS has come. */
enum session_tls { TLS_NOT_YET, TLS_SIGNED, TLS_IS_ON, TLS_HAS_FAILED };

/* One client, from accept(2) to its end. */
struct session {
	TAILQ_ENTRY(session)	 entry;
	enum session_list_kind	 list;		/* the list it is in */
	struct pool_wait	 wait;		/* for a worker */
	struct worker		*worker;	/* NULL: it has none yet */
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
	struct conf_epoch	*epoch;		/* NULL: never had a worker */
	struct event		 early;		/* for the greeting wait */
	bool			 dismissed;	/* its last line was sent */
	int64_t			 start_ms;
	int64_t			 disk_ms;	/* spent waiting for our disk */
	unsigned		 notes;
	char			 user[login_name_max_bytes]; /* "": nobody */
	unsigned		 words;		/* of its listener */
	bool			 dsn;		/* is offered: may send out */
	enum session_tls	 tls_state;
	struct ipc_tls		 tls;		/* what was agreed on */
	uint64_t		 stored;	/* messages */
	uint64_t		 stored_bytes;
	struct recipient_log	 refusals;	/* for keep-refused */
	struct refused_text	*refused;	/* transcript; NULL: empty */
	struct message		*tx;		/* from MAIL to its answer */
	enum smtp_reply		 mail_reply;	/* with tx NULL: why, to RCPT */
};
TAILQ_HEAD(session_list, session);

struct sessions {
	struct session_list	 list[SESSIONS_KINDS];
	uint64_t		 count[SESSIONS_KINDS];
	struct event		 room;	/* when to free slots */
	bool			 stressed;	/* state last sent to workers */
};

/* What a session does now. */
#define SESSION_STATES(X, P)						\
	X(P, IDLE, "idle")	/* no transaction */			\
	X(P, MAIL, "mail")	/* sender taken */			\
	X(P, RCPT, "rcpt")	/* a recipient taken */			\
	X(P, DATA, "data")	/* the message comes in */		\
	X(P, COMMIT, "commit")	/* waits for the disk */		\
	X(P, GREETING, "greeting") /* held back before the greeting */	\
	X(P, WAITING, "waiting") /* a client without a worker */

enum session_state {
	SESSION_STATES(IPC_ENUM, SESSION_)
	SESSION_STATE_COUNT
};

extern const char *const session_state_words[SESSION_STATE_COUNT];

enum session_state session_state(const struct session *s);

/* Frees s and what it has; logs how it ended: by end, or (NULL) by how. */
void	session_end(struct session *s, const char *how,
	    const struct ipc_end *end);
/* Perhaps, after a login; not before a proxy has told of its client. */
bool	session_may_send_out(const struct session *s);
/* Refuses s: log, counter and, unless a worker has its socket, a reply. */
void	session_refuse(struct session *s, enum refusal why);
/* Refuses the client of s, which waits without a worker, and ends s. */
void	session_turn_away(struct session *s, enum refusal why);
/* Closes the client's descriptors: a worker has them, or s ends. */
void	session_close(struct session *s);
/* Moves s from its list to the end of another. */
void	session_move(struct session *s, enum session_list_kind to);

/* How a worker is used for a session. */
extern const struct worker_use session_use;

/* With all that this folder remembers, before helper_start(); 0, or -1. */
int	session_start(struct master *m);
/* s waits for a worker, and may have one when this returns. */
void	session_wait(struct session *s);

/* ---- admit.c: clients are let in, wait, or are turned away ------------- */

/* Accepts clients at a listener's fd (libevent callback, arg the master). */
void	admit_accept(evutil_socket_t fd, short what, void *m);
/*
 * Begins the session of a client that another program has accepted, without
 * limits for addresses.  Takes over input, and output if it is another
 * descriptor (else -1).  0, or -1 without memory.
 */
int	admit_one(struct master *m, int input, int output,
	    const struct address *client);
/* Turns away every client that waits. */
void	admit_stop(struct master *m);

/* ---- dispatch.c: answers to the records of workers ---------------------- */

/* Answers r.  False: the worker broke the contract.  True: s may be gone. */
bool	dispatch_record(void *session, const struct ipc_record *r);

/* ---- login.c: guessing is limited; the auth process knows passwords ----- */

extern const struct auth_owner login_owner;

/* Answers s, now or later, IPC_AT_LOGIN until then; s may be gone. */
void	login_take(struct session *s, const struct ipc_login *login);
/* Once a second: answers the logins that wait for too long. */
void	login_tick(void);
/* The slot of s is needed: answers its login at once. */
void	login_cut_short(struct session *s);
/* Frees the login of s, if it has one: it needs no answer any more. */
void	login_forget(struct session *s);

/* ---- rates.c: how much leaves, and from whom --------------------------- */

/*
 * Charges the user of s, if there is one, for a recipient elsewhere.  Not
 * VERDICT_OK: the user has sent too much, which is logged once an hour.
 */
enum verdict rates_judge(struct session *s, const struct mailbox *to);
/*
 * s has begun a message, and needs no login to send it out.  One program on one
 * host looks like one client; where an address looks like many, a router or a
 * proxy hides strangers behind it, which is logged once an hour.
 */
void	rates_watch(const struct session *s, const struct ipc_mail *mail);
/* The last user held back, the last address in doubt, of this hour; or "". */
const char *rates_user(void);
const char *rates_address(void);

#endif
