/*
 * What is found on the way to a decision: one list of steps, for the dry run
 * and for what becomes of a recipient.
 */
#ifndef SERVER_DECISION_H
#define SERVER_DECISION_H

#include "shared/smtp_syntax.h"

/* One table, one word each. */
#define STEPS(X)							\
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

#define STEP_NAME(name, word) STEP_##name,
enum decision_kind { STEPS(STEP_NAME) STEP_COUNT };
#undef STEP_NAME

/* Where it stands: nowhere, a file as a whole, its line, a default. */
enum decision_place { PLACE_NONE, PLACE_FILE, PLACE_LINE, PLACE_DEFAULT };

struct decision_step {
	enum decision_kind	 kind;
	unsigned	 depth;		/* of aliases, from 0 */
	enum decision_place	 place;
	unsigned	 line;
	uint64_t	 a;
	uint64_t	 b;
	struct mailbox	 who;		/* null where there is nobody */
};

#endif
