/*
 * The messages of SASL mechanisms.  Pure.
 *
 * Names and passwords are not prepared (SASLprep) and not folded: malformed
 * UTF-8 is refused, everything else is compared as it came.
 */
#include "shared/sasl.h"

const char *const sasl_names[SASL_MECHANISM_COUNT] = { "PLAIN", "LOGIN",
    "CRAM-MD5" };

enum sasl_mechanism
sasl_find(struct span name)
{
	unsigned m = 0;

	while (m < SASL_MECHANISM_COUNT &&
	    !span_equal_fold(name, span_of(sasl_names[m])))
		m++;
	return (enum sasl_mechanism)m;
}

bool
sasl_is_safe(struct span s, size_t max)
{
	size_t n = 1;

	if (s.n == 0 || s.n > max)
		return false;
	for (; s.n > 0 && n > 0; s = span_skip(s, n))
		n = s.p[0] == '\0' ? 0 : utf8_first(s);
	return n > 0;
}

bool
sasl_is_valid(const struct sasl_login *l)
{
	return sasl_is_safe(l->name, sasl_name_max_bytes) &&
	    sasl_is_safe(l->password, sasl_password_max_bytes) &&
	    (l->as.n == 0 || sasl_is_safe(l->as, sasl_name_max_bytes));
}

bool
sasl_parse(enum sasl_mechanism m, struct span message, struct sasl_login *out)
{
	const size_t cut = message.n - sasl_digest_bytes;

	*out = (struct sasl_login){ .as = span_of("") };
	if (m == SASL_PLAIN) {
		out->as = span_cut(&message, '\0');
		out->name = span_cut(&message, '\0');
		out->password = message;
	} else if (message.n > sasl_digest_bytes &&
	    message.p[cut - 1] == ' ') {
		out->name = span_from(message.p, cut - 1);
		out->password = span_skip(message, cut);
	}
	return sasl_is_valid(out);
}
