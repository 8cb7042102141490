/*
 * What a client says of a message, as a worker has read it, and what the master
 * answers.  Rows of the table in shared/ipc_msg.h.
 */
#ifndef SHARED_IPC_MAIL_H
#define SHARED_IPC_MAIL_H

#include <stdint.h>

#include "shared/smtp_syntax.h"

/*
 * MAIL, and who the client said it was.  Without wait no answer is sent, and
 * a disk that has filled up since is told at the first RCPT.
 */
struct ipc_mail {
	struct mailbox	from;
	uint64_t	size;		/* SIZE=; 0: not told */
	uint8_t		wait;
	uint8_t		esmtp;		/* EHLO, not HELO */
	uint8_t		smtputf8;
	uint8_t		body_8bit;
	uint8_t		helo_len;
	char		helo[smtp_domain_max_bytes];
};

enum {
	ipc_authors_max = 100,	/* of one message, asked for */
	ipc_unknown_times = 10	/* as many unknown recipients as errors */
};

struct ipc_rcpt {
	struct mailbox	to;
};

/*
 * What the master has decided: constant, reply to the client (that of OK is its
 * command's), counter of RCPT, word in the log.
 */
#define VERDICTS(X)							\
	X(OK, TROUBLE, RCPT_OK, "ok")					\
	X(UNKNOWN, UNKNOWN_RCPT, RCPT_UNKNOWN, "no such recipient")	\
	X(FOREIGN, FOREIGN_RCPT, RCPT_FOREIGN, "relaying denied")	\
	X(TOO_MANY, TOO_MANY_RCPTS, RCPT_TOO_MANY, "too many recipients") \
	X(NOT_YOURS, NOT_YOURS, SENDERS_FORGED, "not the user's address") \
	X(DISK_FULL, DISK_FULL, RCPT_DISK, "disk nearly full")		\
	/* The recipient, by our tables, for now. */			\
	X(BROKEN, TROUBLE, RCPT_TROUBLE, "the recipient is broken here") \
	/* Ours, logged by the master. */				\
	X(TROUBLE, TROUBLE, RCPT_TROUBLE, "local trouble")

#define VERDICT_NAME(name, reply, counter, word) VERDICT_##name,
enum verdict { VERDICTS(VERDICT_NAME) VERDICT_COUNT };
#undef VERDICT_NAME

/* held_back_ms: of UNKNOWN, before the client hears it: guessing is slow. */
struct ipc_verdict {
	uint32_t	verdict;
	uint32_t	held_back_ms;
};

#endif
