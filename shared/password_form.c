/*
 * Which stored passwords are accepted, by their form alone.
 *
 * An attacker who gets the file (from a backup, or by a wrong mode) can try
 * passwords against it without end.  So hashes that are quick to try are
 * refused when the file is loaded, not merely warned of: nobody reads warnings
 * about what works.  Costs have an upper limit, too: a hash that takes a
 * gigabyte or a minute would be a way to stop the server.
 */
#include "shared/password_form.h"

#include <string.h>

static const char not_taken[] = "a kind of hash that is quickly broken, or "
    "not known here: set it anew with smtpctl passwd";
static const char bare[] = "a password that is not hashed: set it anew with "
    "smtpctl passwd";
static const char cheap[] = "a hash whose cost is too low: set it anew with "
    "smtpctl passwd";
static const char dear[] = "a hash whose cost is too high to be checked here";
static const char bad_form[] = "the hash has not the form its beginning says";

static bool
take(struct span *s, const char *what)
{
	size_t n = strlen(what);

	if (s->n < n || memcmp(s->p, what, n) != 0)
		return false;
	*s = span_skip(*s, n);
	return true;
}

/* Digits without a leading zero, at most seven. */
static bool
take_number(struct span *s, uint32_t *out)
{
	size_t n = 0;

	*out = 0;
	while (n < s->n && n < 8 && s->p[n] >= '0' && s->p[n] <= '9')
		*out = *out * 10 + (uint32_t)(s->p[n++] - '0');
	if (n == 0 || n == 8 || s->p[0] == '0')
		return false;
	*s = span_skip(*s, n);
	return true;
}

/* min to max octets of the alphabets of base64 and crypt(3). */
static bool
take_text(struct span *s, size_t min, size_t max)
{
	size_t n = 0;

	while (n < s->n && ((s->p[n] >= '0' && s->p[n] <= '9') ||
	    (s->p[n] >= 'A' && s->p[n] <= 'Z') ||
	    (s->p[n] >= 'a' && s->p[n] <= 'z') ||
	    s->p[n] == '+' || s->p[n] == '/' || s->p[n] == '.'))
		n++;
	*s = span_skip(*s, n);
	return n >= min && n <= max;
}

/* "v=19$m=" KiB ",t=" passes ",p=" lanes "$" salt "$" hash */
static const char *
judge_argon2(struct span s)
{
	uint32_t memory, passes, lanes;

	if (!take(&s, "v=19$m=") || !take_number(&s, &memory) ||
	    !take(&s, ",t=") || !take_number(&s, &passes) ||
	    !take(&s, ",p=") || !take_number(&s, &lanes) ||
	    !take(&s, "$") || !take_text(&s, 11, 86) ||
	    !take(&s, "$") || !take_text(&s, 22, 86) || s.n > 0)
		return bad_form;
	if (memory < password_memory_min_kib)
		return cheap;
	return memory > password_memory_max_kib || lanes > 16 ||
	    passes > password_passes_max ? dear : NULL;
}

/* [ "rounds=" count "$" ] salt "$" hash; octets is the hash's length */
static const char *
judge_sha_crypt(struct span s, size_t octets)
{
	uint32_t rounds = 5000;

	if (take(&s, "rounds=") && (!take_number(&s, &rounds) ||
	    !take(&s, "$")))
		return bad_form;
	if (!take_text(&s, 1, 16) || !take(&s, "$") ||
	    !take_text(&s, octets, octets) || s.n > 0)
		return bad_form;
	if (rounds < 5000)
		return cheap;
	return rounds > 1000000 ? dear : NULL;
}

static const char *
judge_sha512(struct span s)
{
	return judge_sha_crypt(s, 86);
}

static const char *
judge_sha256(struct span s)
{
	return judge_sha_crypt(s, 43);
}

/* two digits of cost "$" 22 of salt and 31 of hash */
static const char *
judge_bcrypt(struct span s)
{
	unsigned cost;

	if (s.n != 56 || s.p[0] < '0' || s.p[0] > '9' || s.p[1] < '0' ||
	    s.p[1] > '9' || s.p[2] != '$')
		return bad_form;
	cost = (unsigned)(s.p[0] - '0') * 10 + (unsigned)(s.p[1] - '0');
	s = span_skip(s, 3);
	if (!take_text(&s, 53, 53))
		return bad_form;
	if (cost < 5)
		return cheap;
	return cost > 14 ? dear : NULL;
}

/*
 * "j" N "T$" salt "$" hash, with the flavour and block size that crypt(3)
 * writes.  N encodes the logarithm of the memory: "9" 16 MiB, "C" 128 MiB.
 */
static const char *
judge_yescrypt(struct span s)
{
	uint8_t cost;

	if (s.n < 4 || s.p[0] != 'j' || s.p[2] != 'T' || s.p[3] != '$')
		return not_taken;
	cost = s.p[1];
	s = span_skip(s, 4);
	if (!take_text(&s, 1, 86) || !take(&s, "$") ||
	    !take_text(&s, 43, 43) || s.n > 0)
		return bad_form;
	if (cost == '7' || cost == '8' || cost == '9' ||
	    (cost >= 'A' && cost <= 'C'))
		return NULL;
	return cost >= 'D' ? dear : cheap;
}

/* A hash may have "{scheme}" in front; one of crypt(3) also "{CRYPT}". */
static const struct kind {
	const char		*begin;
	const char		*scheme;
	enum password_kind	 kind;
	const char		*(*judge)(struct span behind);
} kinds[] = {
	{ "$argon2id$", "ARGON2ID", PASSWORD_ARGON2, judge_argon2 },
	{ "$argon2i$", "ARGON2I", PASSWORD_ARGON2, judge_argon2 },
	{ "$6$", "SHA512-CRYPT", PASSWORD_CRYPT, judge_sha512 },
	{ "$5$", "SHA256-CRYPT", PASSWORD_CRYPT, judge_sha256 },
	{ "$2a$", "BLF-CRYPT", PASSWORD_CRYPT, judge_bcrypt },
	{ "$2b$", "BLF-CRYPT", PASSWORD_CRYPT, judge_bcrypt },
	{ "$2y$", "BLF-CRYPT", PASSWORD_CRYPT, judge_bcrypt },
	{ "$y$", "CRYPT", PASSWORD_CRYPT, judge_yescrypt }
};

/* The scheme, if there is one, is that of the hash's beginning. */
static bool
agrees(struct span scheme, const struct kind *k)
{
	return scheme.p == NULL ||
	    span_equal_fold(scheme, span_of(k->scheme)) ||
	    (k->kind == PASSWORD_CRYPT &&
	    span_equal_fold(scheme, span_of("CRYPT")));
}

/* Dovecot's schemes for passwords that are not hashed. */
static bool
is_bare(struct span scheme)
{
	static const char *const schemes[] = { "PLAIN", "CLEARTEXT", "CLEAR",
	    "PLAIN-TRUNC" };

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (span_equal_fold(scheme, span_of(schemes[i])))
			return true;
	return false;
}

const char *
password_form_parse(struct span stored, struct password_form *out)
{
	struct span scheme = span_from(NULL, 0), rest = stored;
	const uint8_t *end;
	const char *why;

	memset(out, 0, sizeof(*out));
	if (stored.n == 0)
		return "nothing behind the \":\"";
	if (stored.n > password_hash_max_bytes)
		return "a hash of more than 255 octets";
	if (stored.p[0] == '!' || (stored.n == 1 && stored.p[0] == '*'))
		return NULL;
	if (take(&rest, "{")) {
		end = memchr(rest.p, '}', rest.n);
		if (end == NULL)
			return bad_form;
		scheme = span_from(rest.p, (size_t)(end - rest.p));
		rest = span_skip(rest, scheme.n + 1);
	}
	if (is_bare(scheme))
		return bare;
	out->hash = rest;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!take(&rest, kinds[i].begin))
			continue;
		out->kind = kinds[i].kind;
		why = kinds[i].judge(rest);
		return why == NULL && !agrees(scheme, &kinds[i]) ? bad_form :
		    why;
	}
	return not_taken;
}
