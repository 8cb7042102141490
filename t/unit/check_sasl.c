/*
 * PLAIN, LOGIN, CRAM-MD5: who wants to be whom with which password.
 */
#include "shared/sasl.h"

#include <sodium.h>

#include "shared/smtp_reply.h"
#include "t/unit/unit.h"

TEST(plain)
{
	static const struct {
		struct span		 message;
		bool			 verdict;
		const char		*name, *password;
	} t[] = {
		{ OCTETS("\0tim\0tanstaaftanstaaf"), true, "tim",
		    "tanstaaftanstaaf" },
		{ OCTETS("tim\0tim\0x"), true, "tim", "x" },
		{ OCTETS("Ursel\0Kurt\0xipj3plmq"), true, "Kurt",
		    "xipj3plmq" },
		{ OCTETS("\0j\xc3\xb6rg\0\xc3\xa4 b"), true,
		    "j\xc3\xb6rg", "\xc3\xa4 b" },
		{ OCTETS(""), false, NULL, NULL },
		{ OCTETS("\0"), false, NULL, NULL },
		{ OCTETS("\0\0"), false, NULL, NULL },
		{ OCTETS("tim"), false, NULL, NULL },
		{ OCTETS("tim\0secret"), false, NULL, NULL },
		{ OCTETS("\0tim"), false, NULL, NULL },
		{ OCTETS("\0tim\0"), false, NULL, NULL },
		{ OCTETS("\0\0secret"), false, NULL, NULL },
		{ OCTETS("\0tim\0sec\0ret"), false, NULL, NULL },
		{ OCTETS("\0tim\0secret\0"), false, NULL, NULL },
		{ OCTETS("\0t\xffm\0secret"), false, NULL, NULL },
		{ OCTETS("\0tim\0\xc3"), false, NULL, NULL },
		{ OCTETS("\xff\0tim\0x"), false, NULL, NULL },
	};
	struct sasl_login login;

	for (size_t i = 0; i < COUNT(t); i++) {
		ck_assert_msg(sasl_parse(SASL_PLAIN, t[i].message, &login) ==
		    t[i].verdict, "row %zu", i);
		if (t[i].name == NULL)
			continue;
		ck_assert_msg(span_equal(login.name, span_of(t[i].name)),
		    "row %zu", i);
		ck_assert_msg(span_equal(login.password,
		    span_of(t[i].password)), "row %zu", i);
	}
}

TEST(limits)
{
	uint8_t m[600];
	struct sasl_login login;

	memset(m, 'x', sizeof(m));
	m[0] = m[256] = '\0';
	ck_assert_int_eq(sasl_parse(SASL_PLAIN, span_from(m, 512), &login),
	    true);
	ck_assert_uint_eq(login.name.n, 255);
	ck_assert_uint_eq(login.password.n, 255);
	ck_assert_int_eq(sasl_parse(SASL_PLAIN, span_from(m, 513), &login),
	    false);
	m[256] = 'x';
	m[257] = '\0';
	ck_assert_int_eq(sasl_parse(SASL_PLAIN, span_from(m, 300), &login),
	    false);
	memset(m, 'x', sizeof(m));
	m[256] = m[260] = '\0';
	ck_assert_int_eq(sasl_parse(SASL_PLAIN, span_from(m, 300), &login),
	    false);
	memset(m, 'x', sizeof(m));
	ck_assert_int_eq(sasl_is_safe(span_from(m, 255), 255), true);
	ck_assert_int_eq(sasl_is_safe(span_from(m, 256), 255), false);
	ck_assert_int_eq(sasl_is_safe(span_from(m, 0), 255), false);
	m[5] = '\0';
	ck_assert_int_eq(sasl_is_safe(span_from(m, 9), 255), false);
	m[5] = 0x80;
	ck_assert_int_eq(sasl_is_safe(span_from(m, 9), 255), false);
}

/* RFC 2195 2: the digest is of the challenge, which stands in the reply. */
TEST(cram)
{
#define DIGEST "b913a602c7eda7a495b4e6e7334d3890"
	static const char *const wrong[] = { "", "tim", DIGEST, " " DIGEST,
	    "tim " DIGEST "0", "tim" DIGEST, "t\xffm " DIGEST,
	    "tim b913a602c7eda7a495b4e6e7334d389\xff" };
	char text[smtp_reply_max_bytes];
	struct buf b = buf_over(text, sizeof(text));
	struct sasl_login login;
	uint8_t challenge[64];
	size_t n;

	ck_assert_int_eq(sasl_parse(SASL_CRAM_MD5,
	    span_of("tim t " DIGEST), &login),
	    true);
	ck_assert(span_equal(login.name, span_of("tim t")));
	ck_assert(span_equal(login.password, span_of(DIGEST)));
	for (size_t i = 0; i < COUNT(wrong); i++)
		ck_assert_int_eq(sasl_parse(SASL_CRAM_MD5,
		    span_of(wrong[i]), &login),
		    false);
	smtp_reply_write(REPLY_AUTH_CRAM, span_of(""), span_of(""), &b);
	ck_assert(sodium_base642bin(challenge, sizeof(challenge), text + 4,
	    b.n - 6, NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL) == 0);
	ck_assert(span_equal(span_from(challenge, n),
	    span_of(SASL_CHALLENGE)));
}

TEST(mechanisms)
{
	ck_assert_int_eq(sasl_find(span_of("PLAIN")), SASL_PLAIN);
	ck_assert_int_eq(sasl_find(span_of("login")), SASL_LOGIN);
	ck_assert_int_eq(sasl_find(span_of("")), SASL_MECHANISM_COUNT);
	ck_assert_int_eq(sasl_find(span_of("PLAINX")), SASL_MECHANISM_COUNT);
	ck_assert_int_eq(sasl_find(span_of("cram-md5")), SASL_CRAM_MD5);
	ck_assert_int_eq(sasl_find(span_of("CRAM-MD")),
	    SASL_MECHANISM_COUNT);
}
