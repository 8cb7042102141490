/*
 * The end of a message, and its transparency (RFC 5321 4.5.2), as a machine
 * that takes any number of octets at a time.  Only CRLF ends a line and only
 * CRLF "." CRLF ends the message; line ends come out as LF.
 */
#ifndef WORKER_DOT_H
#define WORKER_DOT_H

#include "shared/span.h"

/* Named after what has come since the last whole line. */
enum dot_state {
	DOT_LINE_START,		/* CRLF, or nothing: zero is the start */
	DOT_SEEN_DOT,		/* CRLF "." */
	DOT_SEEN_DOT_CR,	/* CRLF "." CR */
	DOT_TEXT,
	DOT_TEXT_CR,		/* text CR */
	DOT_END			/* CRLF "." CRLF */
};

struct dot {
	enum dot_state	state;
	/* Faults; once set they stay, and the text must not be stored. */
	bool		bare;		/* a CR or an LF */
	bool		nul;
	/* Of the text that was written: */
	uint64_t	lines;
	size_t		column;		/* octets of its last line so far */
	bool		too_long;	/* a line is longer than 998 octets */
};

/*
 * Takes octets from in until it is used up or the message ends (DOT_END),
 * writes the text to out (at least in.n octets; may be in.p) and its length to
 * *out_n. Returns how many octets were taken; the others lie behind the end.
 */
size_t	dot_feed(struct dot *d, struct span in, uint8_t *out, size_t *out_n);

#endif
