/*
 * The messages of SASL mechanisms.  Pure.
 *
 * Names and passwords are not prepared (SASLprep) and not folded: malformed
 * UTF-8 is refused, everything else is compared as it came.
 */
#include "shared/sasl.h"

#include <string.h>

#include "shared/utf8.h"

enum sasl_mechanism
sasl_find(struct span name)
{
	if (span_equal_fold(name, span_of("PLAIN")))
		return SASL_PLAIN;
	if (span_equal_fold(name, span_of("LOGIN")))
		return SASL_LOGIN;
	return span_equal_fold(name, span_of("CRAM-MD5")) ? SASL_CRAM_MD5 :
	    SASL_MECHANISM_COUNT;
}

/* 1*SAFE: any UTF-8 but NUL. */
static bool
is_safe(struct span s, size_t max)
{
	if (s.n == 0 || s.n > max)
		return false;
	while (s.n > 0) {
		size_t n = utf8_first(s);

		if (n == 0 || s.p[0] == '\0')
			return false;
		s = span_skip(s, n);
	}
	return true;
}

/* Takes the octets before the next NUL, and the NUL. */
static bool
take(struct span *rest, struct span *out)
{
	const uint8_t *nul = rest->n == 0 ? NULL : memchr(rest->p, '\0',
	    rest->n);

	if (nul == NULL)
		return false;
	*out = span_from(rest->p, (size_t)(nul - rest->p));
	*rest = span_skip(*rest, out->n + 1);
	return true;
}

enum sasl_verdict
sasl_parse_plain(struct span message, struct sasl_login *out)
{
	if (!take(&message, &out->as) || !take(&message, &out->name) ||
	    !is_safe(out->name, sasl_name_max_bytes) ||
	    !is_safe(message, sasl_password_max_bytes) ||
	    (out->as.n > 0 && !is_safe(out->as, sasl_name_max_bytes)))
		return SASL_BAD;
	out->password = message;
	return SASL_OK;
}

enum sasl_verdict
sasl_parse_cram(struct span message, struct sasl_login *out)
{
	size_t cut = message.n - sasl_digest_bytes;

	if (message.n < sasl_digest_bytes + 2 || message.p[cut - 1] != ' ')
		return SASL_BAD;
	out->name = span_from(message.p, cut - 1);
	out->as = span_of("");
	out->password = span_skip(message, cut);
	return is_safe(out->name, sasl_name_max_bytes) &&
	    is_safe(out->password, sasl_digest_bytes) ? SASL_OK : SASL_BAD;
}

enum sasl_verdict
sasl_parse_login(struct span message, size_t max)
{
	return is_safe(message, max) ? SASL_OK : SASL_BAD;
}
