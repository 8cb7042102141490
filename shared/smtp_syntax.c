/*
 * The grammar of SMTP paths and parameters, in the order of RFC 5321 4.1.2.
 * Strict where two parsers could differ, lenient where all agree: an address
 * that two programs read in two ways gets mail past the checks of one.
 *
 * Each take_* moves *in past what it takes, and adds it to a buffer.  Parsing
 * goes on when that is full: malformed comes before too long.
 */
#include "shared/smtp_syntax.h"

#include <string.h>

#include "shared/buf.h"
#include "shared/ip.h"

static void
move(struct span *in, struct buf *to, size_t n)
{
	buf_add(to, span_from(in->p, n));
	*in = span_skip(*in, n);
}

/* UTF8-non-ascii (RFC 6531 3.3).  C1 controls are refused, as C0 are. */
static size_t
utf8_non_ascii(struct span s)
{
	uint32_t c;
	size_t n = utf8_next(s, &c);

	return n > 1 && c > 0x9f ? n : 0;
}

/* The length of a character of printable ASCII or UTF8-non-ascii; or 0. */
static size_t
text_length(struct span s)
{
	return s.n > 0 && s.p[0] >= 32 && s.p[0] <= 126 ? 1 :
	    utf8_non_ascii(s);
}

/* Dot-string = Atom *("."  Atom), Atom = 1*atext (RFC 5322 3.2.3, RFC 6531) */
static bool
take_dot_string(struct span *in, struct buf *out)
{
	bool atom_due = true;

	while (in->n > 0) {
		uint8_t c = in->p[0];
		size_t n = c != 0 && (ascii_is_alnum(c) || strchr(
		    "!#$%&'*+-/=?^_`{|}~", c)) ? 1 : utf8_non_ascii(*in);

		if (n == 0 && (atom_due || c != '.'))
			break;
		atom_due = n == 0;
		move(in, out, atom_due ? 1 : n);
	}
	return !atom_due;
}

/*
 * Quoted-string  = DQUOTE *QcontentSMTP DQUOTE
 * QcontentSMTP   = qtextSMTP / quoted-pairSMTP
 * quoted-pairSMTP = %d92 %d32-126
 * qtextSMTP      = %d32-33 / %d35-91 / %d93-126 / UTF8-non-ascii
 */
static bool
take_quoted_string(struct span *in, struct buf *out)
{
	if (!span_take(in, '"'))
		return false;
	while (!span_take(in, '"')) {
		bool pair = span_take(in, '\\');
		size_t n = text_length(*in);

		if (n == 0 || (pair && n > 1))
			return false;
		move(in, out, n);
	}
	return true;
}

/*
 * The length of a character of a sub-domain; or 0.  "_" counts as a letter:
 * host names have it, and no parser reads it as anything else.
 */
static size_t
label_length(struct span s)
{
	return s.n > 0 && (ascii_is_alnum(s.p[0]) || s.p[0] == '-' ||
	    s.p[0] == '_') ? 1 : utf8_non_ascii(s);
}

/*
 * Domain     = sub-domain *("." sub-domain)
 * sub-domain = Let-dig [Ldh-str] / U-label; at most 63 octets (RFC 1035).
 */
static bool
take_domain(struct span *in, struct buf *out)
{
	for (;;) {
		uint8_t last = '-';
		size_t n, label = 0;

		if (span_next_is(*in, '-'))
			return false;
		for (; (n = label_length(*in)) > 0; label += n) {
			last = in->p[0];
			move(in, out, n);
		}
		if (label > 63 || last == '-')
			return false;
		if (!span_next_is(*in, '.'))
			return true;
		move(in, out, 1);
	}
}

/*
 * address-literal = "[" ( IPv4-address-literal / IPv6-address-literal ) "]"
 * IPv4-address-literal = Snum 3("." Snum)
 * IPv6-address-literal = "IPv6:" IPv6-addr; in the forms of RFC 4291 2.2
 * No other tag of General-address-literal has ever been standardized.  A zero
 * in front of a number is refused: some parsers read 010 as 8.
 */
static bool
literal_valid(struct span s)
{
	uint8_t ip[16];

	if (s.n < 3 || s.p[0] != '[' || s.p[s.n - 1] != ']')
		return false;
	s = span_from(s.p + 1, s.n - 2);
	return span_begins_fold(s, span_of("IPv6:")) ?
	    ip_parse_v6(span_skip(s, 5), ip) : ip_parse_v4(s, ip);
}

/* Domain / address-literal, in lower case */
static bool
take_host(struct span *in, struct buf *out)
{
	struct span rest = *in;

	if (span_next_is(*in, '[')) {
		size_t n = span_cut(&rest, ']').n + 1;

		if (n > in->n || !literal_valid(span_from(in->p, n)))
			return false;
		move(in, out, n);
	} else if (!take_domain(in, out))
		return false;
	for (size_t i = 0; i < out->n; i++)
		out->p[i] = ascii_lower(out->p[i]);
	return true;
}

/* A-d-l = At-domain *( "," At-domain ) ":"; ignored (RFC 5321 C, F.2). */
static bool
take_source_route(struct span *in)
{
	struct buf unused = { 0 };

	do {
		size_t start = in->n;

		if (!span_take(in, '@') || !take_domain(in, &unused) ||
		    start - in->n > 1 + smtp_domain_max_bytes)
			return false;
	} while (span_take(in, ','));
	return span_take(in, ':');
}

/* Mailbox = Local-part "@" ( Domain / address-literal ) */
static enum syntax
take_mailbox(struct span *in, bool postmaster_ok, struct mailbox *out)
{
	struct buf local = buf_over(out->local, sizeof(out->local));
	struct buf domain = buf_over(out->domain, sizeof(out->domain));
	size_t wire = in->n;

	if (!(span_next_is(*in, '"') ? take_quoted_string(in, &local) :
	    take_dot_string(in, &local)))
		return SYNTAX_BAD;
	/* The limit counts the octets on the wire, quotes included. */
	wire -= in->n;
	if (!(postmaster_ok && span_next_is(*in, '>') && span_equal_fold(
	    buf_span(&local), span_of("postmaster"))) &&
	    (!span_take(in, '@') || !take_host(in, &domain)))
		return SYNTAX_BAD;
	out->local_len = (uint8_t)local.n;
	out->domain_len = (uint8_t)domain.n;
	return wire > smtp_local_max_bytes || domain.cut ? SYNTAX_TOO_LONG :
	    SYNTAX_OK;
}

enum syntax
smtp_parse_path(struct span in, bool null_ok, bool postmaster_ok,
    struct mailbox *out, struct span *rest)
{
	struct mailbox m = { 0 };

	while (span_take(&in, ' '))
		continue;
	if (!span_take(&in, '<'))
		return in.n == 0 ? SYNTAX_BAD : SYNTAX_BARE;
	if (!null_ok || !span_take(&in, '>')) {
		bool route = span_next_is(in, '@');
		enum syntax result;

		if (route && !take_source_route(&in))
			return SYNTAX_BAD;
		/* A route leads to a Mailbox. */
		result = take_mailbox(&in, postmaster_ok && !route, &m);
		if (result != SYNTAX_BAD && !span_take(&in, '>'))
			return in.n == 0 ? SYNTAX_BARE : SYNTAX_BAD;
		if (result != SYNTAX_OK)
			return result;
	}
	*out = m;
	*rest = in;
	return SYNTAX_OK;
}

/* "AUTH=" mailbox as xtext, or "<>" (RFC 4954 5, RFC 3461 4); not used. */
static bool
is_auth_value(struct span value)
{
	for (; value.n > 0; value = span_skip(value, 1))
		if (value.p[0] == '+' && (value.n < 3 ||
		    strchr("0123456789ABCDEF", value.p[1]) == NULL ||
		    strchr("0123456789ABCDEF", value.p[2]) == NULL))
			return false;
	return true;
}

/*
 * esmtp-param   = esmtp-keyword ["=" esmtp-value]
 * esmtp-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")
 * esmtp-value   = 1*(%d33-60 / %d62-126)
 * Without "=" value->p is NULL.
 */
static bool
take_param(struct span *in, struct span *key, struct span *value)
{
	size_t n = 0;

	while (n < in->n && (ascii_is_alnum(in->p[n]) ||
	    (n > 0 && in->p[n] == '-')))
		n++;
	*key = span_from(in->p, n);
	*value = span_from(NULL, 0);
	*in = span_skip(*in, n);
	if (span_take(in, '=')) {
		for (n = 0; n < in->n && in->p[n] > 32 && in->p[n] < 127 &&
		    in->p[n] != '='; n++)
			continue;
		*value = span_from(in->p, n);
		*in = span_skip(*in, n);
	}
	return key->n > 0 && n > 0 && (in->n == 0 || span_next_is(*in, ' '));
}

static bool
apply_param(unsigned param, struct span value, struct mail_params *out)
{
	switch (param) {
	case SMTP_PARAM_SIZE:
		/* size-value = 1*20DIGIT (RFC 1870 3) */
		return value.n <= 20 && span_number(value, &out->size);
	case SMTP_PARAM_BODY:
		out->body_8bit = span_equal_fold(value, span_of("8BITMIME"));
		return out->body_8bit || span_equal_fold(value,
		    span_of("7BIT"));
	case SMTP_PARAM_SMTPUTF8:
		return value.p == NULL;
	case SMTP_PARAM_AUTH:
		return value.p != NULL && is_auth_value(value);
	default:
		/* Those of RFC 3461: envelope.c reads them. */
		*(param == SMTP_PARAM_RET ? &out->ret :
		    param == SMTP_PARAM_ENVID ? &out->envid :
		    param == SMTP_PARAM_NOTIFY ? &out->notify :
		    &out->orcpt) = value;
		return value.p != NULL;
	}
}

enum syntax
smtp_parse_params(struct span in, unsigned offered, struct mail_params *out)
{
	static const char *const names[] = { "SIZE", "BODY", "SMTPUTF8",
	    "AUTH", "RET", "ENVID", "NOTIFY", "ORCPT" };

	memset(out, 0, sizeof(*out));
	while (in.n > 0) {
		struct span key, value;
		unsigned i = 0;

		if (!span_take(&in, ' '))
			return SYNTAX_BAD;
		while (span_take(&in, ' '))
			continue;
		if (in.n == 0)
			break;	/* trailing blanks: RFC 5321 4.1.1 */
		if (!take_param(&in, &key, &value))
			return SYNTAX_BAD;
		while (i < SMTP_PARAM_COUNT &&
		    !span_equal_fold(key, span_of(names[i])))
			i++;
		if ((offered & 1U << i) == 0)
			return SYNTAX_UNKNOWN;
		if (out->given & 1U << i)
			return SYNTAX_DOUBLED;
		out->given |= 1U << i;
		if (!apply_param(1U << i, value, out))
			return SYNTAX_BAD;
	}
	return SYNTAX_OK;
}

bool
smtp_domain_valid(struct span in)
{
	struct buf unused = { 0 };

	return in.n <= smtp_domain_max_bytes && take_domain(&in, &unused) &&
	    in.n == 0;
}

/* As devices send it in HELO, [192.168.001.020]: no reader resolves it. */
static bool
is_v4(struct span s)
{
	bool valid = s.n > 0 && s.p[s.n - 1] != '.';

	for (int i = 0; i < 4; i++) {
		struct span part = span_cut(&s, '.');
		uint64_t octet;

		/* Snum = 1*3DIGIT */
		valid = valid && part.n <= 3 && span_number(part, &octet) &&
		    octet <= 255;
	}
	return valid && s.n == 0;
}

bool
smtp_helo_valid(struct span in)
{
	struct span inner = in;
	uint8_t ip[16];

	if (in.n < 1 || in.n > smtp_domain_max_bytes)
		return false;
	if (in.p[0] == '[' && in.p[in.n - 1] == ']')
		inner = span_from(in.p + 1, in.n - 2);
	if (literal_valid(in) || ip_parse_v6(inner, ip) || is_v4(inner))
		return true;
	for (size_t i = 0; i < in.n; i++)
		if (!ascii_is_alnum(in.p[i]) && in.p[i] != '-' &&
		    in.p[i] != '.' && in.p[i] != '_')
			return false;
	return true;
}

static bool
local_valid(struct span s)
{
	size_t n;

	while ((n = text_length(s)) > 0)
		s = span_skip(s, n);
	return s.n == 0;
}

bool
smtp_mailbox_valid(const struct mailbox *m)
{
	struct mailbox same = { .local_len = m->local_len,
	    .domain_len = m->domain_len };
	struct buf host = buf_over(same.domain, sizeof(same.domain));
	struct span rest = span_from(m->domain, m->domain_len);

	if (!local_valid(span_from(m->local, m->local_len)) ||
	    (rest.n > 0 && (!take_host(&rest, &host) || rest.n > 0)))
		return false;
	memcpy(same.local, m->local, m->local_len);
	/* Unused octets are zero, so that mailboxes may be compared so. */
	return memcmp(m, &same, sizeof(same)) == 0;
}

bool
smtp_mailbox_is_utf8(const struct mailbox *m)
{
	return !span_is_ascii(span_from(m->local, m->local_len)) ||
	    !span_is_ascii(span_from(m->domain, m->domain_len));
}

bool
smtp_mailbox_is_null(const struct mailbox *m)
{
	return m->local_len == 0 && m->domain_len == 0;
}

bool
smtp_mailbox_from_any(struct span in, struct mailbox *out)
{
	if (in.n == 0 || in.n > smtp_local_max_bytes || !local_valid(in))
		return false;
	*out = (struct mailbox){ .local_len = (uint8_t)in.n };
	memcpy(out->local, in.p, in.n);
	return true;
}

bool
smtp_mailbox_from_text(struct span in, struct mailbox *out)
{
	struct mailbox m = { 0 };
	struct buf local = buf_over(m.local, sizeof(m.local));
	struct buf domain = buf_over(m.domain, sizeof(m.domain));

	if (!take_dot_string(&in, &local) ||
	    (span_take(&in, '@') && (span_next_is(in, '[') ||
	    !take_host(&in, &domain))) ||
	    in.n > 0 || local.cut || domain.cut)
		return false;
	m.local_len = (uint8_t)local.n;
	m.domain_len = (uint8_t)domain.n;
	*out = m;
	return true;
}

size_t
smtp_mailbox_text(const struct mailbox *m, char *out)
{
	struct span local = span_from(m->local, m->local_len);
	struct buf unused = { 0 };
	bool quote = !smtp_mailbox_is_null(m) &&
	    (!take_dot_string(&local, &unused) || local.n > 0);
	size_t n = 0;

	if (quote)
		out[n++] = '"';
	for (size_t i = 0; i < m->local_len; i++) {
		if (quote && (m->local[i] == '"' || m->local[i] == '\\'))
			out[n++] = '\\';
		out[n++] = m->local[i];
	}
	if (quote)
		out[n++] = '"';
	if (m->domain_len > 0) {
		out[n++] = '@';
		memcpy(out + n, m->domain, m->domain_len);
		n += m->domain_len;
	}
	out[n] = '\0';
	return n;
}
