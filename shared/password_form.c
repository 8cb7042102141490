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

struct range {
	uint32_t	min, max;	/* max 0: there is no such value */
};

/*
 * A kind of hash: how it begins, and the form of the rest, in which "#" is a
 * number without a leading zero, "%" one of two digits, "?" an octet and "@" a
 * text in base64 or that of crypt(3); then the ranges of the costs, and of the
 * lengths of texts.  "{scheme}" may stand in front; or "{CRYPT}", for crypt(3).
 */
#define ARGON2_FORM	"v=19$m=#,t=#,p=#$@$@"
#define ARGON2_RANGES							\
	{ { password_memory_min_kib, password_memory_max_kib },		\
	    { 1, password_passes_max }, { 1, 16 } },			\
	{ { 11, 86 }, { 22, 86 } }
#define SHA_ROWS(begin, scheme, octets)					\
	{ begin "rounds=", "#$@$@", scheme, PASSWORD_CRYPT,		\
	    { { 5000, 1000000 } }, { { 1, 16 }, { octets, octets } } },	\
	{ begin, "@$@", scheme, PASSWORD_CRYPT,				\
	    { { 0, 0 } }, { { 1, 16 }, { octets, octets } } }
#define BCRYPT_ROW(begin)						\
	{ begin, "%$@", "BLF-CRYPT", PASSWORD_CRYPT, { { 5, 14 } },	\
	    { { 53, 53 } } }
static const struct kind {
	const char		*begin;
	const char		*form;
	const char		*scheme;
	enum password_kind	 kind;
	struct range		 costs[4];
	struct range		 lengths[3];
} kinds[] = {
	{ "$argon2id$", ARGON2_FORM, "ARGON2ID", PASSWORD_ARGON2,
	    ARGON2_RANGES },
	{ "$argon2i$", ARGON2_FORM, "ARGON2I", PASSWORD_ARGON2,
	    ARGON2_RANGES },
	SHA_ROWS("$6$", "SHA512-CRYPT", 86),
	SHA_ROWS("$5$", "SHA256-CRYPT", 43),
	BCRYPT_ROW("$2a$"), BCRYPT_ROW("$2b$"), BCRYPT_ROW("$2y$"),
	/* As crypt(3) writes it: "9" is 16 MiB of memory, "C" 128 MiB. */
	{ "$y$j?T$", "@$@", "CRYPT", PASSWORD_CRYPT, { { '7', 'C' } },
	    { { 1, 86 }, { 43, 43 } } }
};

/* Takes what has that form off *s, and appends its values to both. */
static bool
scan(struct span *s, const char *form, uint32_t **costs, uint32_t **lengths)
{
	for (size_t n; *form != '\0'; form++, *s = span_skip(*s, n)) {
		uint32_t number = 0;

		n = 0;
		if (*form == '@') {
			while (n < s->n && (ascii_is_alnum(s->p[n]) ||
			    memchr("+/.", s->p[n], 3) != NULL))
				n++;
			*(*lengths)++ = (uint32_t)n;
		} else if (*form == '#' || *form == '%') {
			while (n < s->n && n < 7 && ascii_is_digit(s->p[n]))
				number = number * 10 + s->p[n++] - '0';
			*(*costs)++ = number;
			if (n == 0 || (*form == '%' ? n != 2 :
			    s->p[0] == '0'))
				return false;
		} else {
			if (s->n == 0 || (*form == '?' ?
			    !ascii_is_alnum(s->p[0]) :
			    s->p[0] != (uint8_t)*form))
				return false;
			if (*form == '?')
				*(*costs)++ = s->p[0];
			n = 1;
		}
	}
	return true;
}

/* NULL, or why the hash, whose scheme is that in front of it, is refused. */
static const char *
judge(const struct kind *k, struct span rest, struct span scheme,
    uint32_t *costs, uint32_t *next)
{
	uint32_t lengths[3] = { 0, 0, 0 }, *length = lengths;

	if (!scan(&rest, k->form, &next, &length) || rest.n > 0 ||
	    (scheme.p != NULL && !span_equal_fold(scheme,
	    span_of(k->scheme)) && (k->kind != PASSWORD_CRYPT ||
	    !span_equal_fold(scheme, span_of("CRYPT")))))
		return bad_form;
	for (size_t i = 0; i < 3 && k->lengths[i].max > 0; i++)
		if (lengths[i] < k->lengths[i].min ||
		    lengths[i] > k->lengths[i].max)
			return bad_form;
	for (size_t i = 0; i < 4 && k->costs[i].max > 0; i++)
		if (costs[i] < k->costs[i].min || costs[i] > k->costs[i].max)
			return costs[i] < k->costs[i].min ? cheap : dear;
	return NULL;
}

const char *
password_form_parse(struct span stored, struct password_form *out)
{
	/* Dovecot's schemes for passwords that are not hashed. */
	static const char *const schemes[] = { "PLAIN", "CLEARTEXT", "CLEAR",
	    "PLAIN-TRUNC" };
	struct span scheme = span_from(NULL, 0), rest = stored;
	uint32_t costs[4] = { 0, 0, 0, 0 }, none;

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
		uint32_t *next = costs, *no_length = &none;
		struct span behind = rest;

		if (!scan(&behind, kinds[i].begin, &next, &no_length))
			continue;
		out->kind = kinds[i].kind;
		return judge(&kinds[i], behind, scheme, costs, next);
	}
	return not_taken;
}
