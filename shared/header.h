/*
 * The header of a message as it streams by (RFC 5322 2.2), with LF line
 * ends: takes out every Return-Path field, which only the final server may
 * write (RFC 5321 4.4), and counts Received fields (6.3).
 */
#ifndef SHARED_HEADER_H
#define SHARED_HEADER_H

#include "shared/span.h"

enum { header_carry_max_bytes = 16 };

/* Zero is the start of a message. */
struct header {
	bool		ended;		/* the body has begun */
	bool		mid_line;	/* the next octet continues a line */
	bool		dropping;	/* this field is being left out */
	bool		has_colon;	/* this line can be a header field */
	bool		any_field;	/* a continuation line may follow */
	uint8_t		carry_n;
	uint8_t		carry[header_carry_max_bytes];
	uint32_t	received;
};

/*
 * Takes the n octets at p; header_carry_max_bytes octets before p must be
 * writable, for the start of a line that was too short to judge is kept back
 * until more comes.  Returns what is to be stored, which lies in the same
 * place; valid until the memory is used again.  A message that begins with a
 * blank gets an empty line before it: it must not go on with our own fields.
 */
struct span	header_feed(struct header *h, uint8_t *p, size_t n);
/* The message has ended: what is still kept back, to be stored. */
struct span	header_finish(struct header *h);

#endif
