/*
 * Replies of a mail server (RFC 5321 4.2), and what its EHLO offers.  Pure.
 */
#ifndef WORKER_RELAY_REPLY_H
#define WORKER_RELAY_REPLY_H

#include "shared/ipc_relay.h"
#include "shared/span.h"

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
	uint32_t	bits;		/* of enum relay_offer */
	uint64_t	size;		/* 0: no limit */
	uint32_t	rcpt_max;	/* LIMITS (RFC 9422); 0: none */
	uint32_t	mail_max;
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
 * in CRLF: a name that a server repeats, its client's in the DNS say, could
 * have an LF in it, and what follows would pass for the next reply.  For the
 * reply to EHLO, offers gets what its lines say; else it is NULL.
 */
enum relay_read	relay_reply_take(struct relay_reply *r, struct span *in,
		    struct relay_offers *offers);

#endif
