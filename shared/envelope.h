/*
 * The envelope of a message that leaves (RFC 5321 2.3.1), with DSN parameters
 * (RFC 3461), and its form as octets, which the queue keeps.  Pure.
 */
#ifndef SHARED_ENVELOPE_H
#define SHARED_ENVELOPE_H

#include "shared/buf.h"
#include "shared/smtp_syntax.h"

enum {
	dsn_envid_max_bytes = 100,	/* RFC 3461 4.4, decoded */
	dsn_orcpt_max_bytes = 500,	/* 4.2, type and ";" with it, decoded */
	envelope_max_bytes = 1024 * 1024
};

/* NOTIFY (RFC 3461 4.1), as bits; 0: not given, which is FAILURE and DELAY. */
enum dsn_notify {
	DSN_NEVER = 1 << 0, DSN_SUCCESS = 1 << 1, DSN_FAILURE = 1 << 2,
	DSN_DELAY = 1 << 3, DSN_NOTIFY_ALL = (1 << 4) - 1,
	/* In an envelope: a Maildir has it, and only the report is due. */
	DSN_DELIVERED = 1 << 4
};
/* RET (4.3). */
enum dsn_ret { DSN_RET_NONE, DSN_RET_FULL, DSN_RET_HDRS, DSN_RET_COUNT };

/* Of the content, as its worker found it. */
enum content_flag {
	CONTENT_8BIT = 1 << 0,		/* an octet above 127 in the body */
	CONTENT_UTF8 = 1 << 1,		/* one in the header (RFC 6532) */
	CONTENT_LONG = 1 << 2,		/* a line of more than 998 octets */
	CONTENT_FLAGS = (1 << 3) - 1
};

/* A recipient, in an envelope and in records. */
struct ipc_rcpt {
	struct mailbox	to;
	uint8_t		notify;		/* bits of enum dsn_notify */
	char		orcpt[dsn_orcpt_max_bytes + 1];	/* decoded; or "" */
};

/* Of one in an envelope: its three texts have lengths of two octets. */
enum { envelope_rcpt_max_bytes = sizeof(struct ipc_rcpt) + 3 * 2 };

/* Spans are borrowed from the octets that were read. */
struct envelope {
	struct span	id;
	int64_t		queued_s;	/* seconds since 1970 */
	struct mailbox	from;
	uint8_t		ret;		/* enum dsn_ret */
	struct span	envid;		/* decoded; "": none */
	bool		smtputf8;
	uint32_t	count;		/* of recipients, at least 1 */
	struct span	rcpts;		/* for envelope_next */
};

/* Adds a recipient to those of an envelope to be written. */
void	envelope_add(struct buf *rcpts, const struct ipc_rcpt *r);
/* Writes e, with the recipients that its rcpts has. */
void	envelope_write(const struct envelope *e, struct buf *out);
/* Reads what envelope_write() wrote, all recipients too; false: it is not. */
bool	envelope_read(struct span in, struct envelope *out);
/* Takes the next recipient off *rcpts, and sets all of *out; false: none. */
bool	envelope_next(struct span *rcpts, struct ipc_rcpt *out);

/* xtext (RFC 3461 4), of printable ASCII.  False: malformed, or no room. */
bool	envelope_read_xtext(struct span in, struct buf *out);
void	envelope_add_xtext(struct buf *out, struct span s);
/* RET's value: "FULL" or "HDRS". */
bool	envelope_read_ret(struct span in, uint8_t *out);
/* NOTIFY's value: "NEVER", or a list of the others, each at most once. */
bool	envelope_read_notify(struct span in, uint8_t *out);
/* ORCPT's value: an atom, ";" and xtext; decoded into out with its type. */
bool	envelope_read_orcpt(struct span in, struct buf *out);
/* May s stand as a decoded ENVID; as a decoded ORCPT?  "" may. */
bool	envelope_envid_valid(struct span s);
bool	envelope_orcpt_valid(struct span s);

#endif
