/*
 * Which stored passwords are taken, by their form alone.
 *
 * Who reads the file (a backup, a mistake in its mode) tries passwords
 * against it for as long as he likes.  So what is quick to try is refused
 * when the file is read, and not merely warned of: nobody reads warnings of
 * what works.  Costs have an upper end, too: a hash that takes a gigabyte or
 * a minute would be a way to stop the server.
 */
#include "shared/password_form.h"

#include <string.h>

static const char not_read[] = "a kind of hash that is not read here: set it "
    "anew with smtpctl passwd";
static const char quick[] = "a kind of hash that is quickly broken: set it "
    "anew with smtpctl passwd";
static const char cheap[] = "a hash whose cost is too low: set it anew with "
    "smtpctl passwd";
static const char dear[] = "a hash whose cost is too high to be checked here";
static const char bad_form[] = "the hash has not the form its beginning says";

static const struct {
	const char	*scheme;	/* without its braces */
	const char	*why;		/* NULL: taken */
} schemes[] = {
	{ "ARGON2ID", NULL }, { "ARGON2I", NULL }, { "CRYPT", NULL },
	{ "SHA512-CRYPT", NULL }, { "SHA256-CRYPT", NULL },
	{ "BLF-CRYPT", NULL },
	{ "PLAIN", "a password that is not hashed: set it anew with smtpctl "
	    "passwd" },
	{ "CLEARTEXT", "a password that is not hashed: set it anew with "
	    "smtpctl passwd" },
	{ "CLEAR", "a password that is not hashed: set it anew with smtpctl "
	    "passwd" },
	{ "PLAIN-TRUNC", "a password that is not hashed: set it anew with "
	    "smtpctl passwd" },
	{ "DES-CRYPT", quick }, { "MD5-CRYPT", quick }, { "MD5", quick },
	{ "PLAIN-MD4", quick }, { "PLAIN-MD5", quick }, { "LDAP-MD5", quick },
	{ "SMD5", quick }, { "SHA", quick }, { "SHA1", quick },
	{ "SHA256", quick }, { "SHA512", quick }, { "SSHA", quick },
	{ "SSHA256", quick }, { "SSHA512", quick }, { "CRAM-MD5", quick },
	{ "HMAC-MD5", quick }, { "DIGEST-MD5", quick }, { "LANMAN", quick },
	{ "NTLM", quick }
};

static bool
begins(struct span s, const char *with)
{
	size_t n = strlen(with);

	return s.n >= n && memcmp(s.p, with, n) == 0;
}

static bool
take(struct span *s, const char *what)
{
	if (!begins(*s, what))
		return false;
	*s = span_skip(*s, strlen(what));
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

/* [ "rounds=" count "$" ] salt "$" hash, of so many octets */
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
 * "j" N "T$" salt "$" hash: the flavour and block size that crypt(3) writes;
 * N is a letter for the logarithm of the memory, "9" 16 MiB, "C" 128 MiB.
 */
static const char *
judge_yescrypt(struct span s)
{
	uint8_t cost;

	if (s.n < 4 || s.p[0] != 'j' || s.p[2] != 'T' || s.p[3] != '$')
		return not_read;
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

static const char *
judge_hash(struct span s, struct password_form *out)
{
	out->hash = s;
	out->kind = PASSWORD_ARGON2;
	if (take(&s, "$argon2id$") || take(&s, "$argon2i$"))
		return judge_argon2(s);
	out->kind = PASSWORD_CRYPT;
	if (take(&s, "$6$"))
		return judge_sha_crypt(s, 86);
	if (take(&s, "$5$"))
		return judge_sha_crypt(s, 43);
	if (take(&s, "$2a$") || take(&s, "$2b$") || take(&s, "$2y$"))
		return judge_bcrypt(s);
	if (take(&s, "$y$"))
		return judge_yescrypt(s);
	if (begins(s, "$1$") || s.n == 13)
		return quick;
	return not_read;
}

/* The scheme says the same as the hash's own beginning. */
static bool
agrees(struct span scheme, struct span hash)
{
	static const struct {
		const char	*scheme;
		const char	*begin;
	} pairs[] = {
		{ "ARGON2ID", "$argon2id$" }, { "ARGON2I", "$argon2i$" },
		{ "SHA512-CRYPT", "$6$" }, { "SHA256-CRYPT", "$5$" },
		{ "BLF-CRYPT", "$2" }
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (span_equal_fold(scheme, span_of(pairs[i].scheme)))
			return begins(hash, pairs[i].begin);
	return begins(hash, "$") && !begins(hash, "$argon2");
}

/* "{SCHEME}hash" */
static const char *
judge_scheme(struct span stored, struct password_form *out)
{
	const uint8_t *end = memchr(stored.p, '}', stored.n);
	struct span scheme, hash;
	const char *why;

	if (end == NULL)
		return bad_form;
	scheme = span_from(stored.p + 1, (size_t)(end - stored.p) - 1);
	hash = span_skip(stored, scheme.n + 2);
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (!span_equal_fold(scheme, span_of(schemes[i].scheme)))
			continue;
		if (schemes[i].why != NULL)
			return schemes[i].why;
		why = judge_hash(hash, out);
		return why == NULL && !agrees(scheme, hash) ? bad_form : why;
	}
	return not_read;
}

const char *
password_form_parse(struct span stored, struct password_form *out)
{
	memset(out, 0, sizeof(*out));
	if (stored.n == 0)
		return "nothing behind the \":\"";
	if (stored.n > password_hash_max_bytes)
		return "a hash of more than 255 octets";
	if (stored.p[0] == '!' || (stored.n == 1 && stored.p[0] == '*'))
		return NULL;
	return stored.p[0] == '{' ? judge_scheme(stored, out) :
	    judge_hash(stored, out);
}
