/*
 * Pure: no recursion, and every octet is read a few times at most.  Each take_*
 * moves *in past what it takes; after false, *in has no meaning.
 */
#include "worker/header.h"

#include <string.h>

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/*
 * VCHAR (RFC 5234 B.1), or any octet of a character beyond ASCII: UTF-8 (RFC
 * 6532 3.1), and other charsets that old programs write raw.  Such an octet is
 * text to every reader; in an address smtp_syntax accepts UTF-8 only.
 */
static bool
is_vchar(uint8_t c)
{
	return c > ' ' && c != 0x7f;
}

/*
 * The length of the first unit of a quoted string or a comment: an octet, or a
 * quoted-pair = "\" (VCHAR / WSP) in ASCII, as in smtp_syntax; or 0.
 */
static size_t
text_length(struct span s)
{
	size_t pair = span_next_is(s, '\\') ? 1 : 0;

	s = span_skip(s, pair);
	if (s.n == 0 || span_next_is(s, '<') || span_next_is(s, '>') ||
	    (pair > 0 && s.p[0] > 0x7f))
		return 0;
	return is_blank(s.p[0]) || is_vchar(s.p[0]) ? pair + 1 : 0;
}

/*
 * [CFWS], CFWS = (1*([FWS] comment) [FWS]) / FWS
 * comment  = "(" *([FWS] ccontent) [FWS] ")"
 * ccontent = ctext / quoted-pair / comment
 */
static bool
take_cfws(struct span *in)
{
	size_t open = 0, n;

	while (in->n > 0 && (open > 0 || is_blank(in->p[0]) ||
	    in->p[0] == '(')) {
		n = text_length(*in);
		if (n == 0 || in->p[n - 1] == '@' || in->p[n - 1] == '"')
			return false;
		if (in->p[0] == '(' && ++open > 1 + mailbox_list_nested_max)
			return false;
		if (in->p[0] == ')')
			open--;
		*in = span_skip(*in, n);
	}
	return open == 0;
}

/* quoted-string = DQUOTE *([FWS] qcontent) [FWS] DQUOTE */
static bool
take_quoted_string(struct span *in)
{
	bool escape = false, at = false;
	size_t n;

	if (!span_take(in, '"'))
		return false;
	while (!span_next_is(*in, '"')) {
		n = text_length(*in);
		if (n == 0)
			return false;
		escape = escape || in->p[0] == '\\';
		at = at || in->p[n - 1] == '@';
		*in = span_skip(*in, n);
	}
	return !(escape && at) && span_take(in, '"');
}

/*
 * 1*(atext / "."): what dot-atom-text is made of, and the atoms and dots of
 * a phrase.  atext is every VCHAR that is not special (RFC 5322 3.2.3).
 */
static bool
take_atoms(struct span *in)
{
	size_t before = in->n;

	while (in->n > 0 && is_vchar(in->p[0]) &&
	    strchr("()<>[]:;@\\,\"", in->p[0]) == NULL)
		*in = span_skip(*in, 1);
	return in->n < before;
}

static bool
make_mailbox(struct span local, struct span domain, struct mailbox *out)
{
	char storage[smtp_path_max_bytes + 1];
	struct buf path = buf_over(storage, sizeof(storage));
	struct span rest;

	buf_print(&path, "<%.*s@%.*s>", (int)local.n, (const char *)local.p,
	    (int)domain.n, (const char *)domain.p);
	if (path.cut || smtp_parse_path(buf_span(&path), false, false, out,
	    &rest) != SYNTAX_OK || rest.n > 0)
		return false;
	/* Some readers decode an encoded word to another address. */
	return memmem(out->local, out->local_len, "=?", 2) == NULL;
}

/*
 * addr-spec  = local-part "@" domain
 * local-part = dot-atom / quoted-string
 * domain     = dot-atom / domain-literal
 * Both may have CFWS around them.
 */
static bool
take_addr_spec(struct span *in, struct mailbox *out)
{
	struct span start, local, domain;

	if (!take_cfws(in))
		return false;
	start = *in;
	if (!(span_next_is(*in, '"') ? take_quoted_string(in) : take_atoms(in)))
		return false;
	local = span_from(start.p, start.n - in->n);
	if (!take_cfws(in) || !span_take(in, '@') || !take_cfws(in))
		return false;
	start = *in;
	/* Of a domain-literal smtp_syntax judges the content. */
	if (span_next_is(*in, '['))
		span_cut(in, ']');
	else if (!take_atoms(in))
		return false;
	domain = span_from(start.p, start.n - in->n);
	return take_cfws(in) && make_mailbox(local, domain, out);
}

/*
 * name-addr = [display-name] [CFWS] "<" addr-spec ">" [CFWS]
 * [display-name] = [phrase], phrase = 1*word / obs-phrase
 * obs-phrase = word *(word / "." / CFWS), word = atom / quoted-string
 */
static bool
take_name_addr(struct span *in, struct mailbox *out)
{
	if (!take_cfws(in) || span_next_is(*in, '.'))
		return false;
	while (in->n > 0 && !span_next_is(*in, '<')) {
		if (!(span_next_is(*in, '"') ? take_quoted_string(in) :
		    take_atoms(in)) || !take_cfws(in))
			return false;
	}
	return span_take(in, '<') && take_addr_spec(in, out) &&
	    span_take(in, '>') && take_cfws(in);
}

/*
 * mailbox-list = (mailbox *("," mailbox)), mailbox = name-addr / addr-spec
 * The address itself may stand as its display name.
 */
enum mailbox_list
mailbox_list_next(struct span *rest, struct mailbox *out)
{
	struct span in = *rest;
	struct mailbox m, again;

	/* Only behind the last mailbox; behind a comma p is never NULL. */
	if (in.p == NULL)
		return MAILBOX_LIST_END;
	if (!take_addr_spec(&in, &m)) {
		in = *rest;
		if (!take_name_addr(&in, &m))
			return MAILBOX_LIST_BAD;
	} else if (span_next_is(in, '<') && (!take_name_addr(&in, &again) ||
	    memcmp(&m, &again, sizeof(m)) != 0))
		return MAILBOX_LIST_BAD;
	if (in.n == 0)
		in = span_from(NULL, 0);
	else if (!span_take(&in, ','))
		return MAILBOX_LIST_BAD;
	*out = m;
	*rest = in;
	return MAILBOX_LIST_NEXT;
}
