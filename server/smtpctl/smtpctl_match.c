/*
 * Criteria of smtpctl await.  Neither encoded words (RFC 2047) nor transfer
 * encodings are decoded: the message is compared as it was sent.
 */
#include "server/smtpctl/smtpctl_match.h"

#include <string.h>

static struct span
without_brackets(struct span s)
{
	if (s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>')
		return span_from(s.p + 1, s.n - 2);
	return s;
}

bool
smtpctl_match_parse(struct span arg, struct smtpctl_criterion *out)
{
	static const struct {
		const char		*prefix;
		enum smtpctl_field	 field;
		bool			 is_address;
	} kinds[] = {
		{ "to=", SMTPCTL_TO, true },
		{ "from=", SMTPCTL_FROM, true },
		{ "subject=", SMTPCTL_SUBJECT, false },
		{ "body=", SMTPCTL_BODY, false }
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct span prefix = span_of(kinds[i].prefix);

		if (arg.n < prefix.n ||
		    !span_equal(span_from(arg.p, prefix.n), prefix))
			continue;
		out->field = kinds[i].field;
		out->text = span_skip(arg, prefix.n);
		if (kinds[i].is_address)
			out->text = without_brackets(out->text);
		return true;
	}
	return false;
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static struct span
trim(struct span s)
{
	while (s.n > 0 && is_blank(s.p[0]))
		s = span_skip(s, 1);
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* Octets of s up to the first LF, or all of them. */
static size_t
line_length(struct span s)
{
	const uint8_t *lf = s.n == 0 ? NULL : memchr(s.p, '\n', s.n);

	return lf == NULL ? s.n : (size_t)(lf - s.p);
}

/*
 * Takes the first field off *rest, with its continuation lines (RFC 5322
 * 2.2.3); *out lacks its last LF.  False at the end of the message, and at the
 * empty line that ends the header, which is taken off too.
 */
static bool
next_field(struct span *rest, struct span *out)
{
	size_t n = line_length(*rest);

	if (n == 0) {
		*rest = span_skip(*rest, 1);
		return false;
	}
	while (rest->n > n + 1 && is_blank(rest->p[n + 1]))
		n += 1 + line_length(span_skip(*rest, n + 1));
	*out = span_from(rest->p, n);
	*rest = span_skip(*rest, n + 1);
	return true;
}

/* The value of field; false when its name is not name. */
static bool
value_of(struct span field, struct span name, struct span *out)
{
	struct span rest;

	if (!span_begins_fold(field, name))
		return false;
	/* Blanks before the colon are obsolete, not wrong (RFC 5322 4.5). */
	rest = span_skip(field, name.n);
	while (rest.n > 0 && is_blank(rest.p[0]))
		rest = span_skip(rest, 1);
	if (rest.n == 0 || rest.p[0] != ':')
		return false;
	*out = trim(span_skip(rest, 1));
	return true;
}

/* Does s, without the LFs of folding, begin with text? */
static bool
begins_unfolded(struct span s, struct span text)
{
	size_t at = 0;

	for (size_t i = 0; i < text.n; i++, at++) {
		while (at < s.n && s.p[at] == '\n')
			at++;
		if (at == s.n || s.p[at] != text.p[i])
			return false;
	}
	return true;
}

static bool
contains_unfolded(struct span s, struct span text)
{
	for (size_t i = 0; i <= s.n; i++)
		if (begins_unfolded(span_skip(s, i), text))
			return true;
	return false;
}

/* Only the first Return-Path counts: smtpd removes all others. */
static bool
match_from(struct span message, struct span address)
{
	struct span field, value;

	while (next_field(&message, &field))
		if (value_of(field, span_of("Return-Path"), &value))
			return span_equal_fold(without_brackets(value),
			    address);
	return false;
}

static bool
match_subject(struct span message, struct span text)
{
	struct span field, value;

	while (next_field(&message, &field))
		if (value_of(field, span_of("Subject"), &value) &&
		    contains_unfolded(value, text))
			return true;
	return false;
}

static bool
match_body(struct span message, struct span text)
{
	struct span field;

	while (next_field(&message, &field))
		continue;
	if (text.n == 0)
		return true;
	return message.n > 0 &&
	    memmem(message.p, message.n, text.p, text.n) != NULL;
}

static bool
match_one(const struct smtpctl_criterion *c, struct span maildir,
    struct span message)
{
	switch (c->field) {
	case SMTPCTL_TO:
		return span_equal_fold(maildir, c->text);
	case SMTPCTL_FROM:
		return match_from(message, c->text);
	case SMTPCTL_SUBJECT:
		return match_subject(message, c->text);
	case SMTPCTL_BODY:
		break;
	}
	return match_body(message, c->text);
}

bool
smtpctl_match(const struct smtpctl_criterion *criteria, size_t count,
    struct span maildir, struct span message)
{
	for (size_t i = 0; i < count; i++)
		if (!match_one(&criteria[i], maildir, message))
			return false;
	return true;
}
