/*
 * The grammar of SMTP paths and parameters, in the order of RFC 5321 section
 * 4.1.2.  Pure: no I/O, no allocation, no globals.  Strict where two parsers
 * could differ, lenient where all agree: an address that two programs read
 * in two ways gets mail past the checks of one.
 */
#include "shared/smtp_syntax.h"

#include <string.h>

#include "shared/ip.h"
#include "shared/utf8.h"

/* The rest of the input, which take_* shorten. */
struct cursor {
	struct span	in;
};

static bool
at_end(const struct cursor *c)
{
	return c->in.n == 0;
}

static bool
next_is(const struct cursor *c, uint8_t octet)
{
	return c->in.n > 0 && c->in.p[0] == octet;
}

static bool
take(struct cursor *c, uint8_t octet)
{
	if (!next_is(c, octet))
		return false;
	c->in = span_skip(c->in, 1);
	return true;
}

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool
is_alnum(uint8_t c)
{
	return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

/* RFC 5322 3.2.3: atext, without the UTF-8 that RFC 6531 3.3 adds. */
static bool
is_atext(uint8_t c)
{
	return is_alnum(c) || (c != 0 && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

/* UTF8-non-ascii (RFC 6531 3.3).  C1 controls are refused, as C0 are. */
static size_t
utf8_non_ascii(struct span s)
{
	size_t n = utf8_first(s);

	return n > 1 && !utf8_is_c1(s) ? n : 0;
}

/*
 * The destination of a word.  Parsing goes on when too_long is set, so that an
 * address that is malformed and too long counts as malformed.
 */
struct word {
	char	*p;
	uint8_t	 len;
	uint8_t	 max;
	bool	 too_long;
};

static void
word_add(struct word *w, const uint8_t *p, size_t n)
{
	if (n > (size_t)(w->max - w->len)) {
		w->too_long = true;
		return;
	}
	memcpy(w->p + w->len, p, n);
	w->len = (uint8_t)(w->len + n);
}

static void
move(struct cursor *c, struct word *w, size_t n)
{
	word_add(w, c->in.p, n);
	c->in = span_skip(c->in, n);
}

/* Atom = 1*atext */
static bool
take_atom(struct cursor *c, struct word *w)
{
	size_t n, taken = 0;

	while (!at_end(c)) {
		n = is_atext(c->in.p[0]) ? 1 : utf8_non_ascii(c->in);
		if (n == 0)
			break;
		move(c, w, n);
		taken += n;
	}
	return taken > 0;
}

/* Dot-string = Atom *("."  Atom) */
static bool
take_dot_string(struct cursor *c, struct word *w)
{
	if (!take_atom(c, w))
		return false;
	while (next_is(c, '.')) {
		move(c, w, 1);
		if (!take_atom(c, w))
			return false;
	}
	return true;
}

/*
 * Quoted-string  = DQUOTE *QcontentSMTP DQUOTE
 * QcontentSMTP   = qtextSMTP / quoted-pairSMTP
 * quoted-pairSMTP = %d92 %d32-126
 * qtextSMTP      = %d32-33 / %d35-91 / %d93-126 / UTF8-non-ascii
 */
static bool
take_quoted_string(struct cursor *c, struct word *w)
{
	size_t n;

	if (!take(c, '"'))
		return false;
	while (!at_end(c)) {
		if (take(c, '"'))
			return true;
		if (take(c, '\\')) {
			if (at_end(c) || c->in.p[0] < 32 || c->in.p[0] > 126)
				return false;
			move(c, w, 1);
			continue;
		}
		n = c->in.p[0] >= 32 && c->in.p[0] <= 126 ? 1 :
		    utf8_non_ascii(c->in);
		if (n == 0)
			return false;
		move(c, w, n);
	}
	return false;
}

/*
 * sub-domain = Let-dig [Ldh-str] / U-label; at most 63 octets (RFC 1035).
 * "_" counts as a letter: host names have it, and no parser reads it as
 * anything else.
 */
static bool
take_label(struct cursor *c, struct word *w)
{
	uint8_t last = '-', low;
	size_t n, taken = 0;

	if (next_is(c, '-'))
		return false;
	while (!at_end(c)) {
		n = utf8_non_ascii(c->in);
		if (n == 0) {
			if (!is_alnum(c->in.p[0]) && c->in.p[0] != '-' &&
			    c->in.p[0] != '_')
				break;
			n = 1;
		}
		last = c->in.p[0];
		low = ascii_lower(last);
		word_add(w, n == 1 ? &low : c->in.p, n);
		c->in = span_skip(c->in, n);
		taken += n;
	}
	return taken > 0 && taken <= 63 && last != '-';
}

/* Domain = sub-domain *("." sub-domain) */
static bool
take_domain(struct cursor *c, struct word *w)
{
	if (!take_label(c, w))
		return false;
	while (next_is(c, '.')) {
		move(c, w, 1);
		if (!take_label(c, w))
			return false;
	}
	return true;
}

/* IPv4-address-literal = Snum 3("." Snum), Snum = 1*3DIGIT up to 255 */
static bool
ipv4_valid(struct span s)
{
	struct cursor c = { s };

	for (int part = 0; part < 4; part++) {
		unsigned value = 0, digits = 0;

		if (part > 0 && !take(&c, '.'))
			return false;
		while (!at_end(&c) && is_digit(c.in.p[0]) && digits < 4) {
			value = value * 10 + (c.in.p[0] - '0');
			digits++;
			c.in = span_skip(c.in, 1);
		}
		if (digits == 0 || digits > 3 || value > 255)
			return false;
	}
	return at_end(&c);
}

/* IPv6-addr (4.1.3): its forms are those of RFC 4291 2.2. */
static bool
ipv6_valid(struct span s)
{
	uint8_t ip[16];

	return ip_parse_v6(s, ip);
}

/*
 * address-literal = "[" ( IPv4-address-literal / IPv6-address-literal ) "]"
 * No other tag of General-address-literal has ever been standardized.
 */
static bool
literal_valid(struct span s)
{
	struct span in;

	if (s.n < 3 || s.p[0] != '[' || s.p[s.n - 1] != ']')
		return false;
	in = span_from(s.p + 1, s.n - 2);
	if (span_begins_fold(in, span_of("IPv6:")))
		return ipv6_valid(span_skip(in, 5));
	return ipv4_valid(in);
}

static bool
take_literal(struct cursor *c, struct word *w)
{
	const uint8_t *close;
	size_t n;

	if (!next_is(c, '['))
		return false;
	close = memchr(c->in.p, ']', c->in.n);
	if (close == NULL)
		return false;
	n = (size_t)(close - c->in.p) + 1;
	if (!literal_valid(span_from(c->in.p, n)))
		return false;
	for (size_t i = 0; i < n; i++) {
		uint8_t low = ascii_lower(c->in.p[i]);

		word_add(w, &low, 1);
	}
	c->in = span_skip(c->in, n);
	return true;
}

/* A-d-l = At-domain *( "," At-domain ) ":"; ignored (RFC 5321 C, F.2). */
static bool
take_source_route(struct cursor *c)
{
	char scratch[smtp_domain_max_bytes];

	do {
		struct word w = { scratch, 0, smtp_domain_max_bytes, false };

		if (!take(c, '@') || !take_domain(c, &w) || w.too_long)
			return false;
	} while (take(c, ','));
	return take(c, ':');
}

/* Mailbox = Local-part "@" ( Domain / address-literal ) */
static enum syntax
take_mailbox(struct cursor *c, bool postmaster_ok, struct mailbox *out)
{
	struct word local = { out->local, 0, smtp_local_max_bytes, false };
	struct word domain = { out->domain, 0, smtp_domain_max_bytes, false };

	size_t start = c->in.n;

	if (next_is(c, '"') ? !take_quoted_string(c, &local) :
	    !take_dot_string(c, &local))
		return SYNTAX_BAD;
	/* The limit counts the octets on the wire, quotes included. */
	if (start - c->in.n > smtp_local_max_bytes)
		local.too_long = true;
	if (postmaster_ok && next_is(c, '>') &&
	    span_equal_fold(span_from(local.p, local.len),
	    span_of("postmaster"))) {
		out->local_len = local.len;
		return SYNTAX_OK;
	}
	if (!take(c, '@'))
		return SYNTAX_BAD;
	if (next_is(c, '[') ? !take_literal(c, &domain) :
	    !take_domain(c, &domain))
		return SYNTAX_BAD;
	out->local_len = local.len;
	out->domain_len = domain.len;
	return local.too_long || domain.too_long ? SYNTAX_TOO_LONG : SYNTAX_OK;
}

enum syntax
smtp_parse_path(struct span in, bool null_ok, bool postmaster_ok,
    struct mailbox *out, struct span *rest)
{
	struct cursor c = { in };
	struct mailbox m = { 0 };
	enum syntax result;

	while (take(&c, ' '))
		continue;
	if (!take(&c, '<'))
		return at_end(&c) ? SYNTAX_BAD : SYNTAX_BARE;
	if (null_ok && take(&c, '>')) {
		*out = m;
		*rest = c.in;
		return SYNTAX_OK;
	}
	if (next_is(&c, '@')) {
		if (!take_source_route(&c))
			return SYNTAX_BAD;
		postmaster_ok = false;	/* a route leads to a Mailbox */
	}
	result = take_mailbox(&c, postmaster_ok, &m);
	if (result != SYNTAX_BAD && !take(&c, '>'))
		return at_end(&c) ? SYNTAX_BARE : SYNTAX_BAD;
	if (result != SYNTAX_OK)
		return result;
	*out = m;
	*rest = c.in;
	return SYNTAX_OK;
}

/* size-value = 1*20DIGIT (RFC 1870 3); more than 64 bits: UINT64_MAX. */
static bool
parse_size(struct span s, uint64_t *out)
{
	uint64_t value = 0;

	if (s.n < 1 || s.n > 20)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		uint64_t digit;

		if (!is_digit(s.p[i]))
			return false;
		digit = (uint64_t)(s.p[i] - '0');
		if (value > (UINT64_MAX - digit) / 10)
			value = UINT64_MAX;
		else
			value = value * 10 + digit;
	}
	*out = value;
	return true;
}

static bool
is_capital_hex(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

/* "AUTH=" mailbox as xtext, or "<>" (RFC 4954 5, RFC 3461 4); not used. */
static bool
is_auth_value(struct span value)
{
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] == '+' && (value.n - i < 3 ||
		    !is_capital_hex(value.p[i + 1]) ||
		    !is_capital_hex(value.p[i + 2])))
			return false;
	return true;
}

/* One parameter of MAIL.  has_value tells "BODY=" from "BODY". */
static enum syntax
apply_mail_param(struct span key, struct span value, bool has_value,
    struct mail_params *out)
{
	if (span_equal_fold(key, span_of("SIZE"))) {
		if (out->has_size)
			return SYNTAX_DOUBLED;
		out->has_size = true;
		return has_value && parse_size(value, &out->size) ?
		    SYNTAX_OK : SYNTAX_BAD;
	}
	if (span_equal_fold(key, span_of("BODY"))) {
		if (out->has_body)
			return SYNTAX_DOUBLED;
		out->has_body = true;
		out->body_8bit = span_equal_fold(value, span_of("8BITMIME"));
		return out->body_8bit || span_equal_fold(value,
		    span_of("7BIT")) ? SYNTAX_OK : SYNTAX_BAD;
	}
	if (span_equal_fold(key, span_of("SMTPUTF8"))) {
		if (out->smtputf8)
			return SYNTAX_DOUBLED;
		out->smtputf8 = true;
		return has_value ? SYNTAX_BAD : SYNTAX_OK;
	}
	if (span_equal_fold(key, span_of("AUTH"))) {
		if (out->has_auth)
			return SYNTAX_DOUBLED;
		out->has_auth = true;
		return has_value && is_auth_value(value) ? SYNTAX_OK :
		    SYNTAX_BAD;
	}
	return SYNTAX_UNKNOWN;
}

/*
 * esmtp-param   = esmtp-keyword ["=" esmtp-value]
 * esmtp-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")
 * esmtp-value   = 1*(%d33-60 / %d62-126)
 */
static bool
take_param(struct cursor *c, struct span *key, struct span *value,
    bool *has_value)
{
	size_t n = 0;

	while (n < c->in.n && (is_alnum(c->in.p[n]) ||
	    (n > 0 && c->in.p[n] == '-')))
		n++;
	*key = span_from(c->in.p, n);
	c->in = span_skip(c->in, n);
	if (n == 0)
		return false;
	*has_value = take(c, '=');
	for (n = 0; *has_value && n < c->in.n; n++)
		if (c->in.p[n] < 33 || c->in.p[n] > 126 || c->in.p[n] == '=')
			break;
	*value = span_from(c->in.p, n);
	c->in = span_skip(c->in, n);
	if (*has_value && n == 0)
		return false;
	return at_end(c) || next_is(c, ' ');
}

static bool
take_spaces(struct cursor *c)
{
	bool any = false;

	while (take(c, ' '))
		any = true;
	return any;
}

enum syntax
smtp_parse_mail_params(struct span in, struct mail_params *out)
{
	struct cursor c = { in };

	memset(out, 0, sizeof(*out));
	while (!at_end(&c)) {
		struct span key, value;
		bool has_value;
		enum syntax result;

		if (!take_spaces(&c))
			return SYNTAX_BAD;
		if (at_end(&c))
			break;	/* trailing blanks: RFC 5321 4.1.1 */
		if (!take_param(&c, &key, &value, &has_value))
			return SYNTAX_BAD;
		result = apply_mail_param(key, value, has_value, out);
		if (result != SYNTAX_OK)
			return result;
	}
	return SYNTAX_OK;
}

enum syntax
smtp_parse_rcpt_params(struct span in)
{
	struct cursor c = { in };
	struct span key, value;
	bool has_value;

	if (at_end(&c))
		return SYNTAX_OK;
	if (!take_spaces(&c))
		return SYNTAX_BAD;
	if (at_end(&c))
		return SYNTAX_OK;
	return take_param(&c, &key, &value, &has_value) ? SYNTAX_UNKNOWN :
	    SYNTAX_BAD;
}

bool
smtp_domain_valid(struct span in)
{
	char scratch[smtp_domain_max_bytes];
	struct word w = { scratch, 0, smtp_domain_max_bytes, false };
	struct cursor c = { in };

	return take_domain(&c, &w) && at_end(&c) && !w.too_long;
}

bool
smtp_helo_valid(struct span in)
{
	if (in.n < 1 || in.n > smtp_domain_max_bytes)
		return false;
	if (ipv6_valid(in) || (in.n > 2 && in.p[0] == '[' &&
	    in.p[in.n - 1] == ']' && ipv6_valid(span_from(in.p + 1,
	    in.n - 2))))
		return true;
	if (in.p[0] == '[')
		return literal_valid(in);
	for (size_t i = 0; i < in.n; i++)
		if (!is_alnum(in.p[i]) && in.p[i] != '-' && in.p[i] != '.' &&
		    in.p[i] != '_')
			return false;
	return true;
}

/* A domain as take_domain or take_literal would have stored it. */
static bool
domain_valid(struct span s)
{
	char scratch[smtp_domain_max_bytes];
	struct word w = { scratch, 0, smtp_domain_max_bytes, false };
	struct cursor c = { s };

	if (!(next_is(&c, '[') ? take_literal(&c, &w) : take_domain(&c, &w)))
		return false;
	return at_end(&c) && !w.too_long && memcmp(scratch, s.p, s.n) == 0;
}

static bool
local_valid(struct span s)
{
	for (size_t i = 0; i < s.n; ) {
		size_t n = s.p[i] >= 32 && s.p[i] <= 126 ? 1 :
		    utf8_non_ascii(span_skip(s, i));

		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

static bool
all_zero(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != '\0')
			return false;
	return true;
}

bool
smtp_mailbox_valid(const struct mailbox *m)
{
	/* So that mailboxes may be compared by memcmp(3). */
	if (!all_zero(m->local + m->local_len,
	    sizeof(m->local) - m->local_len) ||
	    !all_zero(m->domain + m->domain_len,
	    sizeof(m->domain) - m->domain_len))
		return false;
	if (smtp_mailbox_is_null(m))
		return true;
	if (!local_valid(span_from(m->local, m->local_len)))
		return false;
	return m->domain_len == 0 ||
	    domain_valid(span_from(m->domain, m->domain_len));
}

static bool
has_high(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((uint8_t)p[i] > 0x7f)
			return true;
	return false;
}

bool
smtp_mailbox_is_utf8(const struct mailbox *m)
{
	return has_high(m->local, m->local_len) ||
	    has_high(m->domain, m->domain_len);
}

bool
smtp_mailbox_is_null(const struct mailbox *m)
{
	return m->local_len == 0 && m->domain_len == 0;
}

bool
smtp_mailbox_from_any(struct span in, struct mailbox *out)
{
	struct mailbox m = { 0 };

	if (in.n == 0 || in.n > smtp_local_max_bytes || !local_valid(in))
		return false;
	m.local_len = (uint8_t)in.n;
	memcpy(m.local, in.p, in.n);
	*out = m;
	return true;
}

bool
smtp_mailbox_from_text(struct span in, struct mailbox *out)
{
	struct mailbox m = { 0 };
	struct word local = { m.local, 0, smtp_local_max_bytes, false };
	struct word domain = { m.domain, 0, smtp_domain_max_bytes, false };
	struct cursor c = { in };

	if (!take_dot_string(&c, &local))
		return false;
	if (take(&c, '@') && !take_domain(&c, &domain))
		return false;
	if (!at_end(&c) || local.too_long || domain.too_long)
		return false;
	m.local_len = local.len;
	m.domain_len = domain.len;
	*out = m;
	return true;
}

static bool
is_dot_string(struct span s)
{
	char scratch[smtp_local_max_bytes];
	struct word w = { scratch, 0, smtp_local_max_bytes, false };
	struct cursor c = { s };

	return take_dot_string(&c, &w) && at_end(&c);
}

size_t
smtp_mailbox_text(const struct mailbox *m, char *out)
{
	bool quote = !smtp_mailbox_is_null(m) &&
	    !is_dot_string(span_from(m->local, m->local_len));
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
