/*
 * Records about a message: what the client said, as the worker parsed it, and
 * the master's answers.  Rows of the table in shared/ipc_msg.h.
 */
#ifndef SHARED_IPC_MAIL_H
#define SHARED_IPC_MAIL_H

#include <stdint.h>

#include "shared/smtp_syntax.h"

/*
 * MAIL, and the name from HELO.  Without wait the master sends no answer; if
 * the disk is full by then, the first RCPT gets that verdict.
 */
struct ipc_mail {
	struct mailbox	from;
	uint64_t	size;		/* SIZE=; 0: not given */
	uint8_t		wait;
	uint8_t		esmtp;		/* EHLO, not HELO */
	uint8_t		smtputf8;
	uint8_t		body_8bit;
	uint8_t		helo_len;
	char		helo[smtp_domain_max_bytes];
};

enum {
	ipc_authors_max = 100,	/* addresses in From and Sender */
	ipc_unknown_times = 10	/* unknown recipients per error */
};

struct ipc_rcpt {
	struct mailbox	to;
};

/*
 * Decisions of the master: constant, reply to the client (for OK that of its
 * command), counter for RCPT, word in the log.
 */
#define VERDICTS(X)							\
	X(OK, TROUBLE, RCPT_OK, "ok")					\
	X(UNKNOWN, UNKNOWN_RCPT, RCPT_UNKNOWN, "no such recipient")	\
	X(FOREIGN, FOREIGN_RCPT, RCPT_FOREIGN, "relaying denied")	\
	X(TOO_MANY, TOO_MANY_RCPTS, RCPT_TOO_MANY, "too many recipients") \
	X(NOT_YOURS, NOT_YOURS, SENDERS_FORGED, "not the user's address") \
	X(DISK_FULL, DISK_FULL, RCPT_DISK, "disk nearly full")		\
	/* The recipient's entry or Maildir is faulty: temporary. */	\
	X(BROKEN, TROUBLE, RCPT_TROUBLE, "the recipient is broken here") \
	/* A local error, which the master has logged. */		\
	X(TROUBLE, TROUBLE, RCPT_TROUBLE, "local trouble")

#define VERDICT_NAME(name, reply, counter, word) VERDICT_##name,
enum verdict { VERDICTS(VERDICT_NAME) VERDICT_COUNT };
#undef VERDICT_NAME

/* held_back_ms: delay of an UNKNOWN reply, which slows down guessing. */
struct ipc_verdict {
	uint32_t	verdict;
	uint32_t	held_back_ms;
};

#endif
