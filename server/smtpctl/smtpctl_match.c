/* Criteria of smtpctl await: the message is compared as it was sent. */
#include "server/smtpctl/smtpctl.h"

#include <string.h>

#include "server/conf/conf_parse.h"

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
	static const char *const kinds[] = { [SMTPCTL_TO] = "to=",
	    [SMTPCTL_FROM] = "from=", [SMTPCTL_SUBJECT] = "subject=",
	    [SMTPCTL_BODY] = "body=" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct span prefix = span_of(kinds[i]);

		if (arg.n < prefix.n ||
		    !span_equal(span_from(arg.p, prefix.n), prefix))
			continue;
		out->field = (enum smtpctl_field)i;
		out->text = span_skip(arg, prefix.n);
		if (i == SMTPCTL_TO || i == SMTPCTL_FROM)
			out->text = without_brackets(out->text);
		return true;
	}
	return false;
}

/* Takes a field with its continuation lines (RFC 5322 2.2.3); false: none. */
static bool
next_field(struct span *rest, struct span *out)
{
	struct span whole = *rest;

	if (span_cut(rest, '\n').n == 0)
		return false;
	while (span_next_is(*rest, ' ') || span_next_is(*rest, '\t'))
		span_cut(rest, '\n');
	*out = span_from(whole.p, whole.n - rest->n);
	if (out->p[out->n - 1] == '\n')
		out->n--;
	return true;
}

/* The value of field; false: another name.  Blanks as of RFC 5322 4.5. */
static bool
value_of(struct span field, const char *name, struct span *out)
{
	struct span part;

	if (!conf_take_part(&field, ':', &part) ||
	    !span_equal_fold(part, span_of(name)))
		return false;
	(void)conf_take_part(&field, '\0', out);
	return true;
}

/* Is text a part of s without the LFs of folding? */
static bool
contains_unfolded(struct span s, struct span text)
{
	for (size_t i = 0; i <= s.n; i++) {
		size_t k = 0;

		for (size_t at = i; k < text.n && at < s.n; at++)
			if (s.p[at] == '\n')
				continue;
			else if (s.p[at] == text.p[k])
				k++;
			else
				break;
		if (k == text.n)
			return true;
	}
	return false;
}

static bool
match_one(const struct smtpctl_criterion *c, struct span maildir,
    struct span message)
{
	struct span field, value;

	if (c->field == SMTPCTL_TO)
		return span_equal_fold(maildir, c->text);
	while (next_field(&message, &field))
		/* The first Return-Path: smtpd removes all others. */
		if (c->field == SMTPCTL_FROM &&
		    value_of(field, "Return-Path", &value))
			return span_equal_fold(without_brackets(value),
			    c->text);
		else if (c->field == SMTPCTL_SUBJECT &&
		    value_of(field, "Subject", &value) &&
		    contains_unfolded(value, c->text))
			return true;
	return c->field == SMTPCTL_BODY && (c->text.n == 0 ||
	    (message.n > 0 && memmem(message.p, message.n, c->text.p,
	    c->text.n) != NULL));
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
