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

enum verdict {
	VERDICT_OK,
	VERDICT_UNKNOWN,	/* no such recipient here */
	VERDICT_FOREIGN,	/* we do not relay */
	VERDICT_TOO_MANY,	/* recipients */
	VERDICT_NOT_YOURS,	/* the address of who logged in it is not */
	VERDICT_DISK_FULL,
	VERDICT_BROKEN,		/* the recipient, by our tables, for now */
	VERDICT_TROUBLE,	/* ours, logged by the master */
	VERDICT_COUNT
};

/* held_back_ms: of UNKNOWN, before the client hears it: guessing is slow. */
struct ipc_verdict {
	uint32_t	verdict;
	uint32_t	held_back_ms;
};

#endif
