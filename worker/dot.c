/*
 * Removes dot-stuffing and turns CRLF into LF.  Pure.
 *
 * An attacker wants two servers to disagree where a message ends ("SMTP
 * smuggling"): LF.LF, LF.CRLF, CRLF.LF, CRLF.CRCRLF.  None of these is an end
 * here, and each sets a fault for which the message is refused.
 */
#include "worker/header.h"

#include <string.h>

enum { line_max_bytes = 998 };	/* RFC 5322 2.1.1, without CRLF */

static void
put(uint8_t **out, const uint8_t *p, size_t n)
{
	memmove(*out, p, n);
	*out += n;
}

/* Takes one octet; out never gets ahead of in, so both may be one buffer. */
static void
step(struct dot *d, uint8_t c, uint8_t **out)
{
	static const uint8_t lf = '\n';
	bool after_cr = d->state == DOT_SEEN_DOT_CR || d->state == DOT_TEXT_CR;

	if (c == '\0')
		d->nul = true;
	if (c == '\n' && d->state == DOT_SEEN_DOT_CR)
		d->state = DOT_END;
	else if (c == '\n' && d->state == DOT_TEXT_CR) {
		put(out, &lf, 1);
		d->lines++;
		d->too_long |= d->column > line_max_bytes;
		d->column = 0;
		d->state = DOT_LINE_START;
	} else {
		if (after_cr || c == '\n')
			d->bare = true;
		if (c == '\r')
			d->state = d->state == DOT_SEEN_DOT ? DOT_SEEN_DOT_CR :
			    DOT_TEXT_CR;
		else if (c == '.' && d->state == DOT_LINE_START)
			d->state = DOT_SEEN_DOT;
		else {
			put(out, &c, 1);
			d->column++;
			d->state = DOT_TEXT;
		}
	}
}

size_t
dot_feed(struct dot *d, struct span in, uint8_t *out, size_t *out_n)
{
	uint8_t *end = out;
	size_t taken = 0;

	while (taken < in.n && d->state != DOT_END) {
		size_t n = 0;

		/* Within a line octets above CR mean nothing. */
		while (d->state == DOT_TEXT && n < in.n - taken &&
		    in.p[taken + n] > '\r')
			n++;
		put(&end, in.p + taken, n);
		d->column += n;
		taken += n;
		if (taken < in.n)
			step(d, in.p[taken++], &end);
	}
	*out_n = (size_t)(end - out);
	return taken;
}
