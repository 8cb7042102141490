/*
 * Which stored passwords are accepted, by their form alone.
 *
 * An attacker who gets the file can try passwords against it without end.  So
 * hashes that are quick to try are refused when it is loaded, not warned of:
 * nobody reads warnings about what works.  Costs have an upper limit, too: a
 * hash that takes a gigabyte or a minute would stop the server.
 */
#include "shared/password_form.h"

#include <string.h>

static const char not_taken[] = "a weak or unknown kind of hash: set the "
    "password anew with smtpctl passwd";
static const char bare[] = "a password that is not hashed: set it anew with "
    "smtpctl passwd";
static const char cheap[] = "a hash whose cost is too low: set it anew with "
    "smtpctl passwd";
static const char dear[] = "a hash whose cost is too high to be checked here";
static const char bad_form[] = "the hash is malformed";

/*
 * A kind of hash: how it begins, and the form of the rest, in which "#" is a
 * number without a leading zero, "%" one of two digits, "?" an octet and "@" a
 * text in base64 or that of crypt(3); then the range of each of these: of a
 * cost, or of the length of a text.  "{scheme}" may stand in front; or
 * "{CRYPT}", for crypt(3).
 */
#define ARGON2_ROW(begin, scheme)					\
	{ begin, "v=19$m=#,t=#,p=#$@$@", scheme, PASSWORD_ARGON2,	\
	    { { password_memory_min_kib, password_memory_max_kib },	\
	    { 1, password_passes_max }, { 1, 16 }, { 11, 86 }, { 22, 86 } } }
#define SHA_ROWS(begin, scheme, octets)					\
	{ begin "rounds=", "#$@$@", scheme, PASSWORD_CRYPT,		\
	    { { 5000, 1000000 }, { 1, 16 }, { octets, octets } } },	\
	{ begin, "@$@", scheme, PASSWORD_CRYPT,				\
	    { { 1, 16 }, { octets, octets } } }
#define BCRYPT_ROW(begin)						\
	{ begin, "%$@", "BLF-CRYPT", PASSWORD_CRYPT, { { 5, 14 }, { 53, 53 } } }
static const struct kind {
	const char		*begin;
	const char		*form;
	const char		*scheme;
	enum password_kind	 kind;
	struct range {
		uint32_t	min, max;
	} ranges[5];
} kinds[] = {
	ARGON2_ROW("$argon2id$", "ARGON2ID"),
	ARGON2_ROW("$argon2i$", "ARGON2I"),
	SHA_ROWS("$6$", "SHA512-CRYPT", 86),
	SHA_ROWS("$5$", "SHA256-CRYPT", 43),
	BCRYPT_ROW("$2a$"), BCRYPT_ROW("$2b$"), BCRYPT_ROW("$2y$"),
	/* As crypt(3) writes it: "9" is 16 MiB of memory, "C" 128 MiB. */
	{ "$y$j", "?T$@$@", "CRYPT", PASSWORD_CRYPT,
	    { { '7', 'C' }, { 1, 86 }, { 43, 43 } } }
};

/* NULL, or why a hash of that kind is refused; rest is behind its begin. */
static const char *
judge(const struct kind *k, struct span rest)
{
	const struct range *range = k->ranges;
	const char *why = NULL;

	for (const char *f = k->form; *f != '\0'; f++) {
		uint32_t value = 0;
		size_t n = 0;

		if (*f == '@') {
			while (n < rest.n && (ascii_is_alnum(rest.p[n]) ||
			    memchr("+/.", rest.p[n], 3) != NULL))
				n++;
			value = (uint32_t)n;
		} else if (*f == '#' || *f == '%') {
			while (n < rest.n && n < 7 && ascii_is_digit(rest.p[n]))
				value = value * 10 + rest.p[n++] - '0';
			if (n == 0 || (*f == '%' ? n != 2 : rest.p[0] == '0'))
				return bad_form;
		} else if (*f == '?') {
			if (rest.n == 0 || !ascii_is_alnum(rest.p[0]))
				return bad_form;
			value = rest.p[n++];
		} else if (span_take(&rest, (uint8_t)*f))
			continue;
		else
			return bad_form;
		rest = span_skip(rest, n);
		if (value < range->min || value > range->max) {
			if (*f == '@')
				return bad_form;
			if (why == NULL)
				why = value < range->min ? cheap : dear;
		}
		range++;
	}
	return rest.n > 0 ? bad_form : why;
}

const char *
password_form_parse(struct span stored, struct password_form *out)
{
	/* Dovecot's schemes for passwords that are not hashed. */
	static const char *const schemes[] = { "PLAIN", "CLEARTEXT", "CLEAR",
	    "PLAIN-TRUNC" };
	struct span scheme = span_from(NULL, 0), rest = stored;

	memset(out, 0, sizeof(*out));
	if (stored.n == 0)
		return "nothing after the \":\"";
	if (stored.n > password_hash_max_bytes)
		return "a hash of more than 255 octets";
	if (stored.p[0] == '!' || (stored.n == 1 && stored.p[0] == '*'))
		return NULL;
	if (span_take(&rest, '{')) {
		if (memchr(rest.p, '}', rest.n) == NULL)
			return bad_form;
		scheme = span_cut(&rest, '}');
	}
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (span_equal_fold(scheme, span_of(schemes[i])))
			return bare;
	out->hash = rest;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct kind *k = &kinds[i];
		const size_t n = strlen(k->begin);

		if (rest.n < n || memcmp(rest.p, k->begin, n) != 0)
			continue;
		out->kind = k->kind;
		if (scheme.p != NULL && !span_equal_fold(scheme,
		    span_of(k->scheme)) && (k->kind != PASSWORD_CRYPT ||
		    !span_equal_fold(scheme, span_of("CRYPT"))))
			return bad_form;
		return judge(k, span_skip(rest, n));
	}
	return not_taken;
}
