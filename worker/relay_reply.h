/*
 * Lines of a dialogue with a mail server: its replies (RFC 5321 4.2), what its
 * EHLO offers, and the commands that depend on that.  Pure.
 */
#ifndef WORKER_RELAY_REPLY_H
#define WORKER_RELAY_REPLY_H

#include "shared/ipc_relay.h"

enum {
	relay_reply_max_bytes = 64 * 1024,	/* of all lines */
	relay_reply_max_lines = 200,
	relay_reply_line_bytes = 512		/* read of one; RFC 5321
						   4.5.3.1.5 */
};

enum relay_read {
	RELAY_READ_MORE,	/* the reply goes on */
	RELAY_READ_WHOLE,
	RELAY_READ_BROKEN	/* no reply: nothing behind it means anything */
};

struct relay_offers {
	struct ipc_greeted	g;		/* but for TLS */
	uint64_t		size;		/* 0: no limit */
};

/* Zero is the start. */
struct relay_reply {
	uint16_t	code;		/* 200 to 599; 0: no line yet */
	uint16_t	enhanced[3];	/* of the first line that has one */
	uint16_t	n;		/* of text, which is cut */
	uint8_t		text[relay_text_bytes];	/* behind the codes; "\n"
						   between lines */
	/* Of the reading: */
	unsigned	lines;
	size_t		octets;
	bool		cr;
	size_t		line_n;
	uint8_t		line[relay_reply_line_bytes];
};

/*
 * Takes octets off *in, up to the end of the reply and no further.  Lines end
 * in CRLF: a name that a server repeats could have an LF in it, and the rest
 * would pass for the next reply.  offers: of EHLO's; else NULL.
 */
enum relay_read	relay_reply_take(struct relay_reply *r, struct span *in,
		    struct relay_offers *offers);
/*
 * Fills in what the outcome is, and its text: of r where it is a reply or what
 * was read in place of one, else why (or NULL).
 */
void	relay_outcome(const struct relay_reply *r, enum relay_end end,
	    const char *why, struct ipc_outcome *out);

/* Has l an octet above 127? */
bool	relay_is_8bit(const struct ipc_letter *l);
/* Does l need SMTPUTF8, by its sender or by a header as RFC 6532 has it? */
bool	relay_is_utf8(const struct ipc_letter *l);
/* Adds MAIL or RCPT, without its CRLF, for a host that offers that. */
void	relay_write_mail(const struct ipc_letter *l, uint32_t offers,
	    bool utf8, struct buf *line);
void	relay_write_rcpt(const struct ipc_rcpt *to, uint32_t offers,
	    struct buf *line);

#endif
