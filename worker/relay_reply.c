/*
 * The reader of replies is strict, for a host that breaks a reply has lost
 * count of them, and bounded, for it may never end one.
 */
#include "worker/relay_reply.h"

#include <string.h>

/*
 * status-code = class "." subject "." detail; class = "2"/"4"/"5", that of
 * the reply (RFC 3463 2, RFC 2034 4).  Others are text.
 */
static void
read_enhanced(struct relay_reply *r, struct span text)
{
	struct span in = span_cut(&text, ' ');
	uint64_t e[3];

	if (r->enhanced[0] != 0 || r->code / 100 == 3 || in.n == 0 ||
	    in.p[in.n - 1] == '.')
		return;
	for (size_t i = 0; i < 3; i++) {
		struct span digits = span_cut(&in, '.');

		if (digits.n > 3 || !span_number(digits, &e[i]))
			return;
	}
	for (size_t i = 0; i < 3 && in.n == 0 && e[0] == r->code / 100; i++)
		r->enhanced[i] = (uint16_t)e[i];
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
			o->g.rcpt_max = (uint32_t)n;
		else if (span_equal_fold(name, span_of("MAILMAX")))
			o->g.mail_max = (uint32_t)n;
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
			o->g.offers |= (uint32_t)rows[i].bit;
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

void
relay_outcome(const struct relay_reply *r, enum relay_end end, const char *why,
    struct ipc_outcome *out)
{
	struct buf text = buf_over(out->text, sizeof(out->text));

	out->end = (uint8_t)end;
	if (end == RELAY_END_REPLY) {
		out->code = r->code;
		memcpy(out->enhanced, r->enhanced, sizeof(out->enhanced));
	} else if (end == RELAY_END_SYNTAX && r->code != 0)
		buf_print(&text, "%u ", r->code);
	if (end == RELAY_END_REPLY || end == RELAY_END_SYNTAX)
		buf_add(&text, span_from(r->text, r->n < text.max - text.n ?
		    r->n : text.max - text.n));
	else if (why != NULL)
		buf_add_str(&text, why);
	out->n = (uint16_t)text.n;
}

/* ---- commands ----------------------------------------------------------- */

bool
relay_is_8bit(const struct ipc_letter *l)
{
	return (l->flags & (CONTENT_8BIT | CONTENT_UTF8)) != 0;
}

bool
relay_is_utf8(const struct ipc_letter *l)
{
	return smtp_mailbox_is_utf8(&l->from) ||
	    (l->smtputf8 && (l->flags & CONTENT_UTF8) != 0);
}

static void
add_mailbox(struct buf *line, const char *verb, const struct mailbox *m)
{
	char text[smtp_mailbox_text_max_bytes];

	buf_add_str(line, verb);
	buf_add(line, span_from(text, smtp_mailbox_text(m, text)));
	buf_add_str(line, ">");
}

/* SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531), RET and ENVID. */
void
relay_write_mail(const struct ipc_letter *l, uint32_t offers, bool utf8,
    struct buf *line)
{
	static const char *const rets[DSN_RET_COUNT] = { "", " RET=FULL",
	    " RET=HDRS" };

	add_mailbox(line, "MAIL FROM:<", &l->from);
	if (offers & RELAY_OFFERS_SIZE)
		buf_print(line, " SIZE=%ju", (uintmax_t)(l->size +
		    l->lines));
	buf_add_str(line, relay_is_8bit(l) ? " BODY=8BITMIME" : "");
	buf_add_str(line, utf8 ? " SMTPUTF8" : "");
	if ((offers & RELAY_OFFERS_DSN) == 0)
		return;
	buf_add_str(line, rets[l->ret]);
	buf_add_str(line, l->envid[0] != '\0' ? " ENVID=" : "");
	envelope_add_xtext(line, span_of(l->envid));
}

/* NOTIFY and ORCPT (RFC 3461 4.1, 4.2). */
void
relay_write_rcpt(const struct ipc_rcpt *to, uint32_t offers, struct buf *line)
{
	static const char *const words[] = { "NEVER", "SUCCESS", "FAILURE",
	    "DELAY" };
	struct span orcpt = span_of(to->orcpt);
	const char *before = " NOTIFY=";

	add_mailbox(line, "RCPT TO:<", &to->to);
	if ((offers & RELAY_OFFERS_DSN) == 0)
		return;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (to->notify & 1 << i) {
			buf_add_str(line, before);
			buf_add_str(line, words[i]);
			before = ",";
		}
	if (orcpt.n > 0) {
		buf_add_str(line, " ORCPT=");
		buf_add(line, span_cut(&orcpt, ';'));
		buf_add_str(line, ";");
		envelope_add_xtext(line, orcpt);
	}
}
