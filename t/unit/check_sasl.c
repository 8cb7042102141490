/*
 * PLAIN and LOGIN: who wants to be whom with which password.
 */
#include "shared/sasl.h"

#include "t/unit/unit.h"

START_TEST(plain)
{
	static const struct {
		struct span		 message;
		enum sasl_verdict	 verdict;
		const char		*name, *password;
	} t[] = {
		{ OCTETS("\0tim\0tanstaaftanstaaf"), SASL_OK, "tim",
		    "tanstaaftanstaaf" },
		{ OCTETS("tim\0tim\0x"), SASL_OK, "tim", "x" },
		{ OCTETS("Ursel\0Kurt\0xipj3plmq"), SASL_OTHER, "Kurt",
		    "xipj3plmq" },
		{ OCTETS("TIM\0tim\0x"), SASL_OTHER, "tim", "x" },
		{ OCTETS("\0j\xc3\xb6rg\0\xc3\xa4 b"), SASL_OK,
		    "j\xc3\xb6rg", "\xc3\xa4 b" },
		{ OCTETS(""), SASL_BAD, NULL, NULL },
		{ OCTETS("\0"), SASL_BAD, NULL, NULL },
		{ OCTETS("\0\0"), SASL_BAD, NULL, NULL },
		{ OCTETS("tim"), SASL_BAD, NULL, NULL },
		{ OCTETS("tim\0secret"), SASL_BAD, NULL, NULL },
		{ OCTETS("\0tim"), SASL_BAD, NULL, NULL },
		{ OCTETS("\0tim\0"), SASL_BAD, NULL, NULL },
		{ OCTETS("\0\0secret"), SASL_BAD, NULL, NULL },
		{ OCTETS("\0tim\0sec\0ret"), SASL_BAD, NULL, NULL },
		{ OCTETS("\0tim\0secret\0"), SASL_BAD, NULL, NULL },
		{ OCTETS("\0t\xffm\0secret"), SASL_BAD, NULL, NULL },
		{ OCTETS("\0tim\0\xc3"), SASL_BAD, NULL, NULL },
		{ OCTETS("\xff\0tim\0x"), SASL_BAD, NULL, NULL },
	};
	struct sasl_login login;

	for (size_t i = 0; i < COUNT(t); i++) {
		ck_assert_msg(sasl_parse_plain(t[i].message, &login) ==
		    t[i].verdict, "row %zu", i);
		if (t[i].name == NULL)
			continue;
		ck_assert_msg(span_equal(login.name, span_of(t[i].name)),
		    "row %zu", i);
		ck_assert_msg(span_equal(login.password,
		    span_of(t[i].password)), "row %zu", i);
	}
}
END_TEST

START_TEST(limits)
{
	uint8_t m[600];
	struct sasl_login login;

	memset(m, 'x', sizeof(m));
	m[0] = m[256] = '\0';
	ck_assert_int_eq(sasl_parse_plain(span_from(m, 512), &login),
	    SASL_OK);
	ck_assert_uint_eq(login.name.n, 255);
	ck_assert_uint_eq(login.password.n, 255);
	ck_assert_int_eq(sasl_parse_plain(span_from(m, 513), &login),
	    SASL_BAD);
	m[256] = 'x';
	m[257] = '\0';
	ck_assert_int_eq(sasl_parse_plain(span_from(m, 300), &login),
	    SASL_BAD);
	memset(m, 'x', sizeof(m));
	m[256] = m[260] = '\0';
	ck_assert_int_eq(sasl_parse_plain(span_from(m, 300), &login),
	    SASL_BAD);
	memset(m, 'x', sizeof(m));
	ck_assert_int_eq(sasl_parse_login(span_from(m, 255), 255), SASL_OK);
	ck_assert_int_eq(sasl_parse_login(span_from(m, 256), 255), SASL_BAD);
	ck_assert_int_eq(sasl_parse_login(span_from(m, 0), 255), SASL_BAD);
	m[5] = '\0';
	ck_assert_int_eq(sasl_parse_login(span_from(m, 9), 255), SASL_BAD);
	m[5] = 0x80;
	ck_assert_int_eq(sasl_parse_login(span_from(m, 9), 255), SASL_BAD);
}
END_TEST

START_TEST(mechanisms)
{
	ck_assert_int_eq(sasl_find(span_of("PLAIN")), SASL_PLAIN);
	ck_assert_int_eq(sasl_find(span_of("login")), SASL_LOGIN);
	ck_assert_int_eq(sasl_find(span_of("")), SASL_MECHANISM_COUNT);
	ck_assert_int_eq(sasl_find(span_of("PLAINX")), SASL_MECHANISM_COUNT);
	ck_assert_int_eq(sasl_find(span_of("CRAM-MD5")),
	    SASL_MECHANISM_COUNT);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { plain, limits, mechanisms };

	return UNIT_RUN("sasl", tests);
}
