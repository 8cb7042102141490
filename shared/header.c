/*
 * The header filter.  Pure; works in place, as its result is never longer
 * than what came in and was kept back.
 */
#include "shared/header.h"

#include <string.h>

enum field { FIELD_OTHER, FIELD_RETURN_PATH, FIELD_RECEIVED, FIELD_UNSURE };

/*
 * Is line the field called name?  Blanks may stand before the colon (RFC 5322
 * 4.5), as many as the carry can hold.  UNSURE: too short to say.
 */
static enum field
match(struct span line, const char *name, enum field field)
{
	struct span want = span_of(name);
	size_t n = line.n < want.n ? line.n : want.n;

	if (!span_begins_fold(line, span_from(want.p, n)))
		return FIELD_OTHER;
	while (n < line.n && n < header_carry_max_bytes &&
	    (line.p[n] == ' ' || line.p[n] == '\t'))
		n++;
	if (n == header_carry_max_bytes)
		return FIELD_OTHER;
	if (n == line.n)
		return FIELD_UNSURE;
	return line.p[n] == ':' ? field : FIELD_OTHER;
}

static enum field
classify(struct span line)
{
	enum field f = match(line, "Return-Path", FIELD_RETURN_PATH);

	if (f == FIELD_OTHER)
		f = match(line, "Received", FIELD_RECEIVED);
	return f;
}

/* Judges a line by its beginning; false when more octets are needed. */
static bool
begin_line(struct header *h, struct span line)
{
	enum field f;

	if (line.p[0] == '\n') {
		h->ended = true;
		return true;
	}
	if (line.p[0] == ' ' || line.p[0] == '\t') {
		h->ended = !h->any_field;
		h->has_colon = true;	/* folded: belongs to its field */
		return true;
	}
	f = classify(line);
	if (f == FIELD_UNSURE)
		return false;
	h->any_field = true;
	h->has_colon = false;
	h->dropping = f == FIELD_RETURN_PATH;
	if (f == FIELD_RECEIVED)
		h->received++;
	return true;
}

/* The rest of the line in s, its LF included when it is there. */
static struct span
line_rest(struct span s)
{
	const uint8_t *lf = memchr(s.p, '\n', s.n);

	return span_from(s.p, lf == NULL ? s.n : (size_t)(lf - s.p) + 1);
}

static void
end_piece(struct header *h, struct span piece)
{
	if (!h->has_colon && memchr(piece.p, ':', piece.n) != NULL)
		h->has_colon = true;
	h->mid_line = piece.p[piece.n - 1] != '\n';
	/* A line that is no field: there is no header, or it is over. */
	if (!h->mid_line && !h->has_colon)
		h->ended = true;
}

struct span
header_feed(struct header *h, uint8_t *p, size_t n)
{
	uint8_t *start = p - h->carry_n, *out = start;
	struct span in;

	memcpy(start, h->carry, h->carry_n);
	in = span_from(start, n + h->carry_n);
	h->carry_n = 0;
	while (in.n > 0 && !h->ended) {
		struct span piece = line_rest(in);

		if (!h->mid_line && !begin_line(h, piece)) {
			memcpy(h->carry, piece.p, piece.n);
			h->carry_n = (uint8_t)piece.n;
			break;
		}
		if (h->ended) {
			/* A blank begins it: not to go on with our fields. */
			if (piece.p[0] != '\n')
				*--start = '\n';
			break;
		}
		/* Before the move, which may write over the piece. */
		end_piece(h, piece);
		if (!h->dropping) {
			memmove(out, piece.p, piece.n);
			out += piece.n;
		}
		in = span_skip(in, piece.n);
	}
	if (h->ended) {
		memmove(out, in.p, in.n);
		out += in.n;
	}
	return span_from(start, (size_t)(out - start));
}

struct span
header_finish(struct header *h)
{
	return span_from(h->carry, h->carry_n);
}
