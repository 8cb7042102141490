/*
 * The reader of replies: strict, for a host that breaks a reply has lost count
 * of them, and bounded, for it may never end one.
 */
#include "worker/relay_reply.h"

#include <string.h>

/* Up to three digits and end off *in. */
static bool
take_number(struct span *in, uint8_t end, uint16_t *out)
{
	struct span digits = span_cut(in, end);
	uint64_t n;

	if (digits.n > 3 || !span_number(digits, &n))
		return false;
	*out = (uint16_t)n;
	return true;
}

/*
 * status-code = class "." subject "." detail; class = "2"/"4"/"5", that of
 * the reply (RFC 3463 2, RFC 2034 4).  Others are text.
 */
static void
read_enhanced(struct relay_reply *r, struct span text)
{
	struct span in = span_cut(&text, ' ');
	uint16_t e[3];

	if (r->enhanced[0] != 0 || r->code / 100 == 3 || in.n == 0 ||
	    in.p[in.n - 1] == '.' ||
	    !take_number(&in, '.', &e[0]) || e[0] != r->code / 100 ||
	    !take_number(&in, '.', &e[1]) || !take_number(&in, '.', &e[2]) ||
	    in.n > 0)
		return;
	memcpy(r->enhanced, e, sizeof(e));
}

/* "RCPTMAX=100 MAILMAX=5": numbers of one to six digits (RFC 9422 4). */
static void
read_limits(struct span in, struct relay_offers *o)
{
	while (in.n > 0) {
		struct span value = span_cut(&in, ' ');
		struct span name = span_cut(&value, '=');
		uint64_t n;

		if (value.n > 6 || !span_number(value, &n))
			continue;
		if (span_equal_fold(name, span_of("RCPTMAX")))
			o->rcpt_max = (uint32_t)n;
		else if (span_equal_fold(name, span_of("MAILMAX")))
			o->mail_max = (uint32_t)n;
	}
}

/* ehlo-line = ehlo-keyword *( SP ehlo-param ) (RFC 5321 4.1.1.1). */
static void
read_offer(struct span in, struct relay_offers *o)
{
	static const struct {
		const char		*keyword;
		enum relay_offer	 bit;
	} rows[] = {
		{ "8BITMIME", RELAY_OFFERS_8BITMIME },
		{ "SMTPUTF8", RELAY_OFFERS_SMTPUTF8 },
		{ "DSN", RELAY_OFFERS_DSN },
		{ "PIPELINING", RELAY_OFFERS_PIPELINING },
		{ "SIZE", RELAY_OFFERS_SIZE },
		{ "STARTTLS", RELAY_OFFERS_TLS }
	};
	struct span keyword = span_cut(&in, ' '), value;
	uint64_t n;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (span_equal_fold(keyword, span_of(rows[i].keyword)))
			o->bits |= (uint32_t)rows[i].bit;
	if (span_equal_fold(keyword, span_of("LIMITS")))
		read_limits(in, o);
	value = span_cut(&in, ' ');
	if (span_equal_fold(keyword, span_of("SIZE")) &&
	    span_number(value, &n))
		o->size = n;
}

static void
add_text(struct relay_reply *r, struct span s)
{
	size_t room = sizeof(r->text) - r->n;

	if (r->n > 0 && room > 0) {
		r->text[r->n++] = '\n';
		room--;
	}
	if (s.n > room)
		s.n = room;
	memcpy(r->text + r->n, s.p, s.n);
	r->n += (uint16_t)s.n;
}

/*
 * Reply-line = *( Reply-code "-" [ textstring ] CRLF )
 *	Reply-code [ SP textstring ] CRLF (RFC 5321 4.2).  A first digit of 1 is
 * no answer to any command here.
 */
static enum relay_read
take_line(struct relay_reply *r, struct relay_offers *offers)
{
	struct span line = span_from(r->line, r->line_n), text;
	struct span digits = span_from(line.p, line.n < 3 ? line.n : 3);
	bool more = line.n > 3 && line.p[3] == '-';
	uint64_t code;

	r->line_n = 0;
	r->cr = false;
	if (digits.n < 3 || !span_number(digits, &code) || code < 200 ||
	    code > 599 || (line.n > 3 && !more && line.p[3] != ' ') ||
	    (r->lines > 0 && code != r->code) ||
	    ++r->lines > relay_reply_max_lines) {
		add_text(r, line);
		return RELAY_READ_BROKEN;
	}
	r->code = (uint16_t)code;
	text = span_skip(line, 4);
	read_enhanced(r, text);
	if (offers != NULL && r->lines > 1)
		read_offer(text, offers);
	add_text(r, text);
	return more ? RELAY_READ_MORE : RELAY_READ_WHOLE;
}

enum relay_read
relay_reply_take(struct relay_reply *r, struct span *in,
    struct relay_offers *offers)
{
	enum relay_read read = RELAY_READ_MORE;

	while (in->n > 0 && read == RELAY_READ_MORE) {
		uint8_t c = in->p[0];

		*in = span_skip(*in, 1);
		if (r->cr && c == '\n')
			read = take_line(r, offers);
		else if (r->cr || c == '\n' || c == '\0' ||
		    r->octets == relay_reply_max_bytes) {
			add_text(r, span_from(r->line, r->line_n));
			return RELAY_READ_BROKEN;
		} else if (c == '\r')
			r->cr = true;
		else if (r->line_n < sizeof(r->line))
			r->line[r->line_n++] = c;
		r->octets++;
	}
	return read;
}
