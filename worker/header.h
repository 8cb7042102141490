/*
 * The header of a message as it streams by (RFC 5322 2.2), with LF line ends:
 * removes every Return-Path field, which only the final server may write (RFC
 * 5321 4.4), counts Received fields (6.3), and gathers the originators.  Of a
 * submitted message it also removes "From " lines before the header (mbox, git
 * format-patch), at which the header would end for some readers.
 */
#ifndef WORKER_HEADER_H
#define WORKER_HEADER_H

#include "shared/ipc_session.h"

enum { header_carry_max_bytes = 16, originators_max_bytes = 8192 };

/*
 * The fields that say who wrote a message (RFC 5322 3.6.1, 3.6.2, 3.6.4); zero
 * before its first octet.  Resent-From and Resent-Sender (3.6.6) are left out,
 * for readers do not show them as the author.  A header that some reader could
 * split into other fields than are counted here is broken.
 */
struct originators {
	/* How many fields; blanks may stand before the colon (4.5). */
	uint32_t	from, sender, date, message_id;
	/*
	 * A line before the body that is no field; a known name with more
	 * blanks before its colon than the carry can hold; a first line that
	 * begins with a blank; a last line without its LF.
	 */
	bool		broken;
	/* In a From or Sender: a control octet, or a folded line of blanks. */
	bool		control;
	bool		too_long;	/* text did not fit; then n is 0 */
	size_t		n;
	/* Bodies of From and Sender, unfolded (2.2.3), each with one LF. */
	uint8_t		text[originators_max_bytes];
};

/* Of the last octet in its line; BODY: behind a colon, or of a folded line. */
enum header_place { HEADER_START, HEADER_NAME, HEADER_BLANKS, HEADER_BODY };

/* All but submitted is zero at the start of a message. */
struct header {
	bool		submitted;
	bool		ended;		/* the body has begun */
	bool		mid_line;	/* the next octet continues a line */
	bool		dropping;	/* this field is removed */
	bool		any_field;	/* a continuation line may follow */
	uint8_t		carry_n;
	uint8_t		carry[header_carry_max_bytes];
	uint32_t	received;
	int64_t		lines;		/* added; less than 0: removed */
	uint8_t		flags;		/* CONTENT_8BIT, CONTENT_UTF8 */
	bool		line_high;	/* the line that has not ended is not
					   ASCII */
	/*
	 * Set by every header_feed: where, in what it returned, the empty line
	 * is that ends the header, and in front of which fields may be put; or
	 * SIZE_MAX.
	 */
	size_t		body_at;
	enum header_place place;
	/* For the originators: */
	bool		gathering;	/* the body of this field */
	bool		only_blanks;	/* in this folded line so far */
	struct originators originators;
};

/*
 * Takes the n octets at p; header_carry_max_bytes before p are writable, for
 * the start of a line that is too short to judge is kept back.  Returns the
 * octets to store, in the same memory.  A message that begins with a blank gets
 * an empty line before it: it must not fold our own fields.
 */
struct span	header_feed(struct header *h, uint8_t *p, size_t n);
/*
 * The message has ended: returns the octets still kept back.  If ended is false
 * and nothing is broken, all of it is fields, and more may follow.
 */
struct span	header_finish(struct header *h);

/*
 * ---- dot.c: the end of a message and its transparency (RFC 5321 4.5.2) ----
 *
 * A machine that takes any number of octets at a time.  Only CRLF ends a line
 * and only CRLF "." CRLF ends the message; line ends come out as LF.
 */

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
 * *out_n.  Returns how many octets were taken; the others lie behind the end.
 */
size_t	dot_feed(struct dot *d, struct span in, uint8_t *out, size_t *out_n);

/*
 * ---- mailbox_list.c: the addresses of a From or Sender field --------------
 *
 * RFC 5322 3.4, 3.6.2, UTF-8 in them allowed (RFC 6532).  Display names and
 * comments are skipped; smtp_syntax parses the addresses.
 */

enum { mailbox_list_nested_max = 8 };	/* comments within a comment */

enum mailbox_list {
	MAILBOX_LIST_NEXT,	/* a mailbox */
	MAILBOX_LIST_END,	/* there are no more */
	MAILBOX_LIST_BAD	/* not the grammar, or ambiguous */
};

/*
 * Takes the next mailbox off *rest, at first the whole body of a field,
 * unfolded.  END comes only after a mailbox, and the list is valid only then.
 * On BAD *rest and *out do not change.
 *
 * Many programs write an address as its own display name, without quotes: "a@b
 * <a@b>" is accepted, and nothing else of that kind.  Outside addresses, octets
 * beyond ASCII are text, in whatever charset; encoded words are not decoded.
 *
 * Of the obsolete forms (RFC 5322 4.4) only the dots of a display name are
 * accepted; and no groups (RFC 6854), which have no author.  BAD is also what
 * the grammar permits but some readers take for other addresses:
 *   "<" or ">" in a quoted string or a comment: readers that search for these;
 *   "@" or a quote in a comment: readers that know no comments;
 *   "@" and a backslash in one quoted string: readers that know no escapes;
 *   "=?" in a local part: readers that decode it (RFC 2047 5 forbids it).
 */
enum mailbox_list	mailbox_list_next(struct span *rest,
			    struct mailbox *out);

/* ---- proxy_header.c: PROXY, versions 1 and 2 (HAProxy: proxy-protocol.txt) */

enum {
	proxy_line_max_bytes = 107,	/* version 1 (2.1) */
	proxy_header_max_bytes = 16 + 512	/* version 2; our limit */
};

/*
 * Parses in, the first octets of a connection.  PROXY_OK: *out has the client.
 * PROXY_MORE: the start of a header, shorter than proxy_header_max_bytes, read
 * on.  Else why it is refused.
 *
 * TLVs are skipped, also a checksum (PP2_TYPE_CRC32C): nothing in them is
 * needed here, and TCP has its own checksum.
 */
enum proxy_fail	proxy_header_parse(struct span in, struct ipc_proxy *out);

#endif
