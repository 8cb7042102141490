/* The steps of a decision and their words, in the log and in a dry run. */
#ifndef SERVER_DECISION_H
#define SERVER_DECISION_H

#include "server/conf/conf.h"

/*
 * Constant, word (in the log and in JSON), whether this step always refuses,
 * text: %n is the name, %m its Maildir, %c the client; %a and %b are a and b,
 * %A and %B as sizes; %T is a as a duration, from milliseconds.
 */
#define STEPS(X)							\
	/* of a client */						\
	X(NOT_REFUSED, "not-refused", false,				\
	    "%c is not refused for a crash or an attack")		\
	X(REFUSED, "refused", true,					\
	    "%c is refused for %T more: see worker-crash and "		\
	    "worker-attack in the log")					\
	X(SESSIONS_HERE, "sessions-here", false, "%c has %a of %b sessions") \
	X(SESSIONS_NEAR, "sessions-near", false,			\
	    "its network has %a of %b sessions")			\
	X(SESSIONS_ALL, "sessions-all", false,				\
	    "%a of %b sessions are taken in all")			\
	X(ALL_BUSY, "all-busy", false,					\
	    "all %b sessions are taken: it waits for its turn")		\
	X(GREETING_WAIT, "greeting-wait", false,			\
	    "it must not speak for %a s, before the greeting")		\
	X(ONLY_LIVE, "only-live", false,				\
	    "is it refused now, has it sessions: only a running "	\
	    "smtpd knows")						\
	/* of MAIL */							\
	X(ANY_SENDER, "any-sender", false, "any sender is taken")	\
	X(OWN_SENDER, "own-sender", false,				\
	    "its mail reaches %n, who has logged in")			\
	X(NOT_OWN_SENDER, "not-own-sender", true,			\
	    "its mail does not reach %n, who has logged in")		\
	X(UTF8, "smtputf8", false,					\
	    "an address is not ASCII: the client has to say SMTPUTF8")	\
	X(NO_SIZE, "no-size", false,					\
	    "no size is told; a message may have %B")			\
	X(SIZE, "size", false, "%A of at most %B")			\
	X(ROOM, "room", false, "%A are free, and %B have to stay so")	\
	X(INODES, "inodes", false,					\
	    "%a inodes are free, and %b have to stay so")		\
	X(NO_DISK, "no-disk", false,					\
	    "the free space of its disk is not known here")		\
	/* of RCPT */							\
	X(RCPTS_FULL, "recipients-full", true,				\
	    "the message has %a recipients already, and %b is the "	\
	    "most")							\
	X(DOMAIN, "domain", false, "%n is a domain of ours")		\
	X(FIRST_DOMAIN, "first-domain", false,				\
	    "a postmaster without a domain is that of the first, %n")	\
	X(FOREIGN, "foreign", true,					\
	    "its domain has no block, and no line lets the client "	\
	    "send mail out")						\
	X(MAY_SEND, "may-send-out", false,				\
	    "its domain has no block, and the client may send mail out") \
	X(BY_MX, "by-mx", false,					\
	    "it goes to the hosts that MX records name")		\
	X(BY_VIA, "via", false, "it goes to %n")			\
	X(SUBADDRESS, "subaddress", false, "without its subaddress it is %n") \
	X(ALIAS, "alias", false, "%n is an alias")			\
	X(AGAIN, "again", false, "%n is an alias that was followed already") \
	X(USER, "user", false, "%n is a user")				\
	X(POSTMASTER, "postmaster", false,				\
	    "%n is there without being listed")				\
	X(CATCH_ALL, "catch-all", false,				\
	    "nobody by that name in %n, so the catch-all")		\
	X(NO_ALIAS, "no-alias", false, "%n is no alias")		\
	X(NO_USER, "no-user", false, "%n is no user")			\
	X(NO_CATCH_ALL, "no-catch-all", true, "%n has no catch-all")	\
	X(BROKEN, "broken", true, "%n is broken: smtpd -n says why")	\
	X(MAILBOX, "mailbox", false, "stored in %m")			\
	X(MAILBOX_AGAIN, "mailbox-again", false,			\
	    "reached already: one copy is enough")			\
	X(MAILBOXES_FULL, "mailboxes-full", true, "more than %a mailboxes") \
	X(NO_MEMORY, "no-memory", true, "smtpd has no memory for it now")

#define STEP_NAME(name, word, refuses, text) STEP_##name,
enum decision_kind { STEPS(STEP_NAME) STEP_COUNT };
#undef STEP_NAME

/* All pointers are borrowed. */
struct decision_step {
	enum decision_kind	 kind;
	unsigned		 depth;	/* of aliases, from 0 */
	const char		*path;	/* of the rule; NULL: built in */
	unsigned		 line;	/* 0: the whole file */
	bool			 is_default;	/* a keyword's default */
	bool			 refuses;	/* here, if not always */
	struct span		 local;	/* of the name; or "" */
	const struct conf_domain *domain;	/* or NULL */
	uint64_t		 a;
	uint64_t		 b;
};

#endif
