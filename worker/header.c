/* Pure; works in place: the result is never longer than what came in. */
#include "worker/header.h"

#include <string.h>

enum field {
	FIELD_OTHER,
	FIELD_RETURN_PATH,
	FIELD_RECEIVED,
	FIELD_FROM,
	FIELD_SENDER,
	FIELD_DATE,
	FIELD_MESSAGE_ID,
	FIELD_MBOX,		/* none: "From " in front of the header */
	FIELD_WIDE,
	FIELD_UNSURE
};

/*
 * Is line the field called name?  Blanks may stand before the colon (RFC 5322
 * 4.5), as many as the carry can hold.  WIDE: there are more, and the line is
 * treated as an unknown field.  UNSURE: the line is too short to judge.
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
		return FIELD_WIDE;
	if (n == line.n)
		return FIELD_UNSURE;
	return line.p[n] == ':' ? field : FIELD_OTHER;
}

static enum field
classify(const struct header *h, struct span line)
{
	static const char *const names[FIELD_MBOX] = {
		[FIELD_RETURN_PATH] = "Return-Path",
		[FIELD_RECEIVED] = "Received", [FIELD_FROM] = "From",
		[FIELD_SENDER] = "Sender", [FIELD_DATE] = "Date",
		[FIELD_MESSAGE_ID] = "Message-ID"
	};
	enum field f;

	for (enum field i = FIELD_OTHER + 1; i < FIELD_MBOX; i++)
		if ((f = match(line, names[i], i)) != FIELD_OTHER)
			return f;
	return h->submitted && !h->any_field && line.n >= 5 &&
	    memcmp(line.p, "From ", 5) == 0 ? FIELD_MBOX : FIELD_OTHER;
}

/* Keeps all or nothing: a text cut short could read as another address. */
static void
gather(struct originators *o, uint8_t c)
{
	if (o->n == originators_max_bytes)
		o->too_long = true;
	if (o->too_long)
		o->n = 0;
	else
		o->text[o->n++] = c;
}

static void
end_field(struct header *h)
{
	if (h->gathering)
		gather(&h->originators, '\n');
	h->gathering = false;
}

/*
 * field-name = 1*ftext, ftext = %d33-57 / %d59-126 (RFC 5322 2.2, 3.6.8); then
 * *WSP ":" (4.5).  Other readers skip a line that is no field, or take it for
 * the start of the body: nobody can know what they show.  Some readers end a
 * line at a control octet, or the header at a folded line of nothing but
 * blanks.
 */
static void
take_octet(struct header *h, uint8_t c)
{
	struct originators *o = &h->originators;
	bool blank = c == ' ' || c == '\t', ftext = c > ' ' && c < 0x7f;

	if (c == '\n') {
		if (h->place != HEADER_BODY)
			o->broken = true;
		if (h->gathering && h->only_blanks)
			o->control = true;
	} else if (h->place != HEADER_BODY) {
		if (c == ':' ? h->place == HEADER_START : !blank &&
		    (!ftext || h->place == HEADER_BLANKS))
			o->broken = true;
		h->place = c == ':' ? HEADER_BODY : blank ? HEADER_BLANKS :
		    HEADER_NAME;
	} else if (h->gathering) {
		if (c < ' ' && !blank)
			o->control = true;
		if (!blank)
			h->only_blanks = false;
		gather(o, c);
	}
}

/* Judges a line by its beginning; false: more octets are needed. */
static bool
begin_line(struct header *h, struct span line)
{
	struct originators *o = &h->originators;
	enum field f;

	if (line.p[0] == '\n') {
		h->ended = true;
		return true;
	}
	if (line.p[0] == ' ' || line.p[0] == '\t') {
		h->ended = !h->any_field;
		h->place = HEADER_BODY;
		h->only_blanks = true;
		if (h->ended)
			o->broken = true;
		return true;
	}
	f = classify(h, line);
	if (f == FIELD_UNSURE)
		return false;
	h->any_field = f != FIELD_MBOX;
	h->place = f == FIELD_MBOX ? HEADER_BODY : HEADER_START;
	h->dropping = f == FIELD_RETURN_PATH || f == FIELD_MBOX;
	end_field(h);
	h->only_blanks = false;
	h->gathering = f == FIELD_FROM || f == FIELD_SENDER;
	h->received += f == FIELD_RECEIVED;
	o->from += f == FIELD_FROM;
	o->sender += f == FIELD_SENDER;
	o->date += f == FIELD_DATE;
	o->message_id += f == FIELD_MESSAGE_ID;
	if (f == FIELD_WIDE)
		o->broken = true;
	return true;
}

static void
end_piece(struct header *h, struct span piece)
{
	for (size_t i = 0; i < piece.n; i++)
		take_octet(h, piece.p[i]);
	h->mid_line = piece.p[piece.n - 1] != '\n';
	/* A line that is no field: there is no header, or it is over. */
	if (!h->mid_line && h->place != HEADER_BODY)
		h->ended = true;
}

static uint8_t *
keep(struct header *h, uint8_t *out, struct span s)
{
	uint8_t flag = h->ended ? CONTENT_8BIT : CONTENT_UTF8;

	if ((h->flags & flag) == 0 && !span_is_ascii(s))
		h->line_high = true;
	/* A line of the header may turn out to be of the body. */
	if (h->line_high && (h->ended || !h->mid_line)) {
		h->flags |= flag;
		h->line_high = false;
	}
	if (out != s.p)
		memmove(out, s.p, s.n);
	return out + s.n;
}

struct span
header_feed(struct header *h, uint8_t *p, size_t n)
{
	uint8_t *start = p - h->carry_n, *out = start;
	struct span in;

	memcpy(start, h->carry, h->carry_n);
	in = span_from(start, n + h->carry_n);
	h->carry_n = 0;
	h->body_at = SIZE_MAX;
	while (in.n > 0 && !h->ended) {
		struct span rest = in, piece;

		/* The rest of the line, its LF included when it is there. */
		span_cut(&rest, '\n');
		piece = span_from(in.p, in.n - rest.n);
		if (!h->mid_line && !begin_line(h, piece)) {
			memcpy(h->carry, piece.p, piece.n);
			h->carry_n = (uint8_t)piece.n;
			break;
		}
		if (h->ended) {
			h->body_at = (size_t)(out - start);
			end_field(h);
			/* It begins with a blank: must not fold our fields. */
			if (piece.p[0] != '\n') {
				*--start = '\n';
				h->lines++;
			}
			break;
		}
		/* Before the move, which may overwrite the piece. */
		end_piece(h, piece);
		if (!h->dropping)
			out = keep(h, out, piece);
		else if (!h->mid_line)
			h->lines--;
		in = rest;
	}
	if (h->ended)
		out = keep(h, out, in);
	return span_from(start, (size_t)(out - start));
}

struct span
header_finish(struct header *h)
{
	end_field(h);
	if (h->line_high)
		h->flags |= CONTENT_UTF8;
	/* Both are zero once the body has begun. */
	if (h->mid_line || h->carry_n > 0)
		h->originators.broken = true;
	return span_from(h->carry, h->carry_n);
}
