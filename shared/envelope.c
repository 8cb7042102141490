/* Numbers, least octet first; texts behind their length; nothing optional. */
#include "shared/envelope.h"

#include <string.h>

static void
add_text(struct buf *out, struct span s)
{
	buf_add_number(out, s.n, 2);
	buf_add(out, s);
}

static bool
take_octet(struct span *in, uint8_t least, uint8_t most, uint8_t *out)
{
	if (in->n == 0 || in->p[0] < least || in->p[0] > most)
		return false;
	*out = in->p[0];
	*in = span_skip(*in, 1);
	return true;
}

static bool
take_text(struct span *in, size_t max, struct span *out)
{
	uint64_t n;

	if (!span_take_number(in, 2, &n) || n > max || n > in->n)
		return false;
	*out = span_from(in->p, (size_t)n);
	*in = span_skip(*in, (size_t)n);
	return true;
}

static void
add_mailbox(struct buf *out, const struct mailbox *m)
{
	add_text(out, span_from(m->local, m->local_len));
	add_text(out, span_from(m->domain, m->domain_len));
}

static bool
take_mailbox(struct span *in, struct mailbox *out)
{
	struct span local, domain;

	memset(out, 0, sizeof(*out));
	if (!take_text(in, sizeof(out->local), &local) ||
	    !take_text(in, sizeof(out->domain), &domain))
		return false;
	out->local_len = (uint8_t)local.n;
	out->domain_len = (uint8_t)domain.n;
	memcpy(out->local, local.p, local.n);
	memcpy(out->domain, domain.p, domain.n);
	return smtp_mailbox_valid(out);
}

void
envelope_add(struct buf *rcpts, const struct ipc_rcpt *r)
{
	add_mailbox(rcpts, &r->to);
	buf_add_number(rcpts, r->notify, 1);
	add_text(rcpts, span_of(r->orcpt));
}

bool
envelope_next(struct span *rcpts, struct ipc_rcpt *out)
{
	struct span orcpt;

	/* All of it: it becomes a record, in which nothing else may be. */
	memset(out->orcpt, 0, sizeof(out->orcpt));
	if (!take_mailbox(rcpts, &out->to) ||
	    smtp_mailbox_is_null(&out->to) ||
	    !take_octet(rcpts, 0, DSN_DELIVERED | DSN_NOTIFY_ALL,
	    &out->notify) ||
	    !take_text(rcpts, dsn_orcpt_max_bytes, &orcpt) ||
	    !envelope_orcpt_valid(orcpt))
		return false;
	span_copy(orcpt, out->orcpt);
	return true;
}

void
envelope_write(const struct envelope *e, struct buf *out)
{
	add_text(out, e->id);
	buf_add_number(out, (uint64_t)e->queued_s, 8);
	add_mailbox(out, &e->from);
	buf_add_number(out, e->ret, 1);
	add_text(out, e->envid);
	buf_add_number(out, e->smtputf8, 1);
	buf_add_number(out, e->count, 4);
	buf_add(out, e->rcpts);
}

bool
envelope_read(struct span in, struct envelope *out)
{
	struct ipc_rcpt r;
	uint64_t queued, count;
	uint8_t smtputf8;
	struct span left;

	if (!take_text(&in, UINT8_MAX, &out->id) ||
	    !span_take_number(&in, 8, &queued) || queued > INT64_MAX ||
	    !take_mailbox(&in, &out->from) ||
	    !take_octet(&in, 0, DSN_RET_COUNT - 1, &out->ret) ||
	    !take_text(&in, dsn_envid_max_bytes, &out->envid) ||
	    !envelope_envid_valid(out->envid) ||
	    !take_octet(&in, 0, 1, &smtputf8) ||
	    !span_take_number(&in, 4, &count) || count == 0)
		return false;
	out->queued_s = (int64_t)queued;
	out->smtputf8 = smtputf8 == 1;
	out->count = (uint32_t)count;
	out->rcpts = left = in;
	while (count > 0 && envelope_next(&left, &r))
		count--;
	return count == 0 && left.n == 0;
}

/* ---- RFC 3461 ----------------------------------------------------------- */

static bool
is_printable(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] > 0x7e)
			return false;
	return true;
}

/* xchar = any ASCII "!" to "~" except "+" and "=" */
static bool
is_xchar(uint8_t c)
{
	return c >= '!' && c <= '~' && c != '+' && c != '=';
}

/* hexchar = "+" and two of 0-9 A-F, capitals only */
static int
hex_of(uint8_t c)
{
	return ascii_is_digit(c) ? c - '0' :
	    c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool
envelope_read_xtext(struct span in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		uint8_t c = in.p[i];
		int high, low;

		if (c == '+' && in.n - i > 2) {
			high = hex_of(in.p[++i]);
			low = hex_of(in.p[++i]);
			if (high < 0 || low < 0)
				return false;
			c = (uint8_t)(high * 16 + low);
			if (c < 0x20 || c > 0x7e)
				return false;
		} else if (!is_xchar(c))
			return false;
		buf_add(out, span_from(&c, 1));
	}
	return !out->cut;
}

void
envelope_add_xtext(struct buf *out, struct span s)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.n; i++) {
		const char hex[] = { '+', digits[s.p[i] >> 4],
		    digits[s.p[i] & 15] };

		if (is_xchar(s.p[i]))
			buf_add(out, span_from(&s.p[i], 1));
		else
			buf_add(out, span_from(hex, sizeof(hex)));
	}
}

bool
envelope_read_ret(struct span in, uint8_t *out)
{
	*out = span_equal_fold(in, span_of("FULL")) ? DSN_RET_FULL :
	    span_equal_fold(in, span_of("HDRS")) ? DSN_RET_HDRS :
	    DSN_RET_NONE;
	return *out != DSN_RET_NONE;
}

bool
envelope_read_notify(struct span in, uint8_t *out)
{
	/* In the order of their bits. */
	static const char *const words[] = { "NEVER", "SUCCESS", "FAILURE",
	    "DELAY" };
	bool more = true;

	for (*out = 0; more; ) {
		struct span word = in;
		uint8_t bit = 0;

		more = memchr(in.p, ',', in.n) != NULL;
		if (more)
			word = span_cut(&in, ',');
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (span_equal_fold(word, span_of(words[i])))
				bit = (uint8_t)(1 << i);
		if (bit == 0 || (*out & bit) != 0)
			return false;
		*out |= bit;
	}
	return (*out & DSN_NEVER) == 0 || *out == DSN_NEVER;
}

/* addr-type = atom: no blank, control or special of RFC 5322 3.2.3 */
static bool
is_type(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_alnum(s.p[i]) &&
		    memchr("!#$%&'*+-/=?^_`{|}~", s.p[i], 19) == NULL)
			return false;
	return s.n > 0;
}

bool
envelope_orcpt_valid(struct span s)
{
	struct span rest = s, type;

	if (s.n == 0)
		return true;
	if (s.n > dsn_orcpt_max_bytes || memchr(s.p, ';', s.n) == NULL)
		return false;
	type = span_cut(&rest, ';');
	return is_type(type) && rest.n > 0 && is_printable(rest);
}

bool
envelope_envid_valid(struct span s)
{
	return s.n <= dsn_envid_max_bytes && is_printable(s);
}

bool
envelope_read_orcpt(struct span in, struct buf *out)
{
	struct span type;

	if (in.n == 0 || memchr(in.p, ';', in.n) == NULL)
		return false;
	type = span_cut(&in, ';');
	buf_add(out, type);
	buf_add_str(out, ";");
	return envelope_read_xtext(in, out) && out->n > 0 &&
	    envelope_orcpt_valid(buf_span(out));
}
