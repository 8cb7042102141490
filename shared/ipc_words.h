/*
 * What records name by number and people by word: each a table, expanded for
 * the enum here and for the words where they are needed.
 */
#ifndef SHARED_IPC_WORDS_H
#define SHARED_IPC_WORDS_H

/* Something a person wants to read in the log; one table, one word each. */
#define IPC_NOTES(X)							\
	X(SYNTAX, "syntax error")					\
	X(SEQUENCE, "command out of sequence")				\
	X(UNKNOWN_COMMAND, "unknown command")				\
	X(LINE_TOO_LONG, "command line too long")			\
	X(HTTP, "HTTP, not SMTP")					\
	X(NUL, "NUL in a command line")					\
	X(BARE_COMMAND, "bare CR or LF in a command line")		\
	X(BARE_MESSAGE, "bare CR or LF in the message")			\
	X(NUL_MESSAGE, "NUL in the message")				\
	X(TOO_BIG, "message over the size limit")			\
	X(LOOP, "too many Received fields: a mail loop")		\
	X(NO_UTF8, "non-ASCII address without SMTPUTF8")		\
	X(LOGIN_AS_OTHER, "logs in to act as somebody else")		\
	X(PLAIN_TEXT, "password or mail without TLS")			\
	X(NO_LOGIN, "mail without a login")				\
	X(NO_AUTHOR, "no From field that can be read")			\
	X(WRITE_FAILED, "the spool file could not be written")

#define IPC_NOTE_NAME(name, text) NOTE_##name,
enum note { IPC_NOTES(IPC_NOTE_NAME) NOTE_COUNT };
#undef IPC_NOTE_NAME

/* How a session ended; one table, one word each. */
#define IPC_ENDS(X)							\
	X(QUIT, "quit")							\
	X(EOF, "closed by client")					\
	X(TIMEOUT, "idle for too long")					\
	X(TOO_LONG, "session too long")					\
	X(ERRORS, "too many errors")					\
	X(REFUSED, "refused for its line ends")				\
	X(FAILED, "connection failed")					\
	X(TROUBLE, "local trouble")					\
	X(STOPPED, "server stopping")					\
	X(ROOM, "its place was needed")					\
	X(TLS, "no TLS came about")					\
	X(PROXY, "no PROXY header")					\
	X(AWAY, "turned away")

#define IPC_END_NAME(name, text) END_##name,
enum session_end { IPC_ENDS(IPC_END_NAME) END_COUNT };
#undef IPC_END_NAME

/* Why a client may be silent for less long than before, or for longer. */
enum hurry {
	HURRY_NOT,		/* no more than usual */
	HURRY_FULL,		/* the pool fills */
	HURRY_ROOM,		/* somebody else needs the place */
	HURRY_STOP,		/* the server stops: this is the last */
	HURRY_COUNT
};

/* Commands that are counted apart; one table, one word each. */
#define IPC_VERBS(X)							\
	X(HELO, "helo")							\
	X(EHLO, "ehlo")							\
	X(MAIL, "mail")							\
	X(RCPT, "rcpt")							\
	X(DATA, "data")							\
	X(RSET, "rset")							\
	X(NOOP, "noop")							\
	X(QUIT, "quit")							\
	X(VRFY, "vrfy")							\
	X(EXPN, "expn")							\
	X(HELP, "help")							\
	X(AUTH, "auth")							\
	X(STARTTLS, "starttls")						\
	X(UNKNOWN, "unknown")

#define IPC_VERB_NAME(name, word) IPC_VERB_##name,
enum ipc_verb { IPC_VERBS(IPC_VERB_NAME) IPC_VERB_COUNT };
#undef IPC_VERB_NAME

/* What a process does now; one table, one word each. */
#define IPC_STATES(X)							\
	X(IDLE, "idle")		/* a session, no transaction */		\
	X(MAIL, "mail")		/* sender taken */			\
	X(RCPT, "rcpt")		/* a recipient taken */			\
	X(DATA, "data")		/* the message comes in */		\
	X(COMMIT, "commit")	/* it waits for the disk */		\
	X(GREETING, "greeting")	/* held back: does it speak too soon? */ \
	X(WAITING, "waiting")	/* for a worker: a client, no process */ \
	X(SPARE, "spare")	/* a worker without a client */		\
	X(LEAVING, "leaving")	/* a worker that was told to end */	\
	X(SERVING, "serving")	/* a master, a nursery that works */	\
	X(STANDBY, "stands by")	/* a nursery */				\
	X(STARTING, "starting")	/* a nursery */				\
	X(STOPPING, "stopping")	/* a master */

#define IPC_STATE_NAME(name, text) STATE_##name,
enum ipc_state { IPC_STATES(IPC_STATE_NAME) STATE_COUNT };
#undef IPC_STATE_NAME

/* What is found on the way to a decision; one table, one word each. */
#define IPC_STEPS(X)							\
	/* of a client */						\
	X(NOT_REFUSED, "not-refused")					\
	X(REFUSED, "refused")		/* a: ms still */		\
	X(SESSIONS_HERE, "sessions-here") /* a of b */			\
	X(TOO_MANY_HERE, "too-many-sessions") /* a of b */		\
	X(SESSIONS_NEAR, "sessions-near") /* a of b: of its network */	\
	X(TOO_MANY_NEAR, "too-many-near") /* a of b */			\
	X(SESSIONS_ALL, "sessions-all")	/* a of b */			\
	X(ALL_BUSY, "all-busy")		/* a of b: it has to wait */	\
	X(GREETING_WAIT, "greeting-wait") /* a: seconds */		\
	X(ONLY_LIVE, "only-live")	/* of a client, what none knows	\
					   but a running smtpd */	\
	/* of MAIL */							\
	X(ANY_SENDER, "any-sender")					\
	X(UTF8, "smtputf8")						\
	X(NO_SIZE, "no-size")		/* b at most */			\
	X(SIZE, "size")			/* a of b */			\
	X(TOO_BIG, "too-big")		/* a of b */			\
	X(ROOM, "room")			/* a free, b reserved */	\
	X(NO_ROOM, "no-room")		/* a free, b reserved */	\
	X(INODES, "inodes")		/* a free, b reserved */	\
	X(NO_INODES, "no-inodes")	/* a free, b reserved */	\
	X(NO_DISK, "no-disk")		/* it could not be asked */	\
	X(ONLY_LIVE_DISK, "only-live-disk")				\
	/* of RCPT; who is what is found */				\
	X(RCPTS_FULL, "recipients-full") /* a of b */			\
	X(DOMAIN, "domain")						\
	X(FIRST_DOMAIN, "first-domain")					\
	X(FOREIGN, "foreign")						\
	X(SUBADDRESS, "subaddress")					\
	X(ALIAS, "alias")		/* a: targets */		\
	X(ALIAS_AGAIN, "alias-again")					\
	X(USER, "user")							\
	X(POSTMASTER, "postmaster")					\
	X(CATCH_ALL, "catch-all")					\
	X(NO_ALIAS, "no-alias")						\
	X(NO_USER, "no-user")						\
	X(NO_CATCH_ALL, "no-catch-all")					\
	X(BROKEN, "broken")		/* an alias or a catch-all */	\
	X(MAILBOX, "mailbox")						\
	X(MAILBOX_AGAIN, "mailbox-again")				\
	X(MAILBOXES_FULL, "mailboxes-full") /* a at most */		\
	X(NO_MEMORY, "no-memory")

#define IPC_STEP_NAME(name, word) STEP_##name,
enum ipc_step { IPC_STEPS(IPC_STEP_NAME) STEP_COUNT };
#undef IPC_STEP_NAME

#endif
