/*
 * smtp_syntax: parameters, HELO names and address literals.  Paths stand in
 * check_smtp_path.c, mailboxes in check_smtp_mailbox.c.
 */
#include "t/unit/unit.h"

#include "shared/smtp_syntax.h"

enum { all_params = (1 << SMTP_PARAM_COUNT) - 1 };

TEST(mail_params)
{
	static const struct {
		const char	*in;
		bool		 has_size;
		uint64_t	 size;
		bool		 has_body, body_8bit, smtputf8;
	} t[] = {
		{ "", false, 0, false, false, false },
		{ " ", false, 0, false, false, false },
		{ "   ", false, 0, false, false, false },
		{ " SIZE=0", true, 0, false, false, false },
		{ " size=5", true, 5, false, false, false },
		{ "  SiZe=5  ", true, 5, false, false, false },
		{ " SIZE=00000000000000000005", true, 5, false, false, false },
		{ " SIZE=18446744073709551614", true, UINT64_MAX - 1, false,
		    false, false },
		{ " SIZE=18446744073709551615", true, UINT64_MAX, false,
		    false, false },
		{ " SIZE=18446744073709551616", true, UINT64_MAX, false,
		    false, false },
		{ " SIZE=18446744073709551617", true, UINT64_MAX, false,
		    false, false },
		{ " SIZE=36893488147419103233", true, UINT64_MAX, false,
		    false, false },
		{ " SIZE=99999999999999999999", true, UINT64_MAX, false,
		    false, false },
		{ " BODY=8BITMIME", false, 0, true, true, false },
		{ " body=8bitmime", false, 0, true, true, false },
		{ " BODY=7BIT", false, 0, true, false, false },
		{ " SMTPUTF8", false, 0, false, false, true },
		{ " smtpUTF8", false, 0, false, false, true },
		{ " SMTPUTF8 BODY=8BITMIME SIZE=77", true, 77, true, true,
		    true },
	};
	struct mail_params p;

	for (size_t i = 0; i < COUNT(t); i++) {
		memset(&p, 0xff, sizeof(p));
		ck_assert_msg(smtp_parse_params(span_of(t[i].in),
		    all_params, &p) == SYNTAX_OK, "%s", t[i].in);
		ck_assert_msg(p.given == (unsigned)(
		    t[i].has_size * SMTP_PARAM_SIZE |
		    t[i].has_body * SMTP_PARAM_BODY |
		    t[i].smtputf8 * SMTP_PARAM_SMTPUTF8) &&
		    p.body_8bit == t[i].body_8bit, "%s", t[i].in);
		ck_assert_uint_eq(p.size, t[i].size);
	}
}

TEST(mail_params_refused)
{
	static const struct {
		struct span	in;
		enum syntax	want;
	} t[] = {
		{ OCTETS("SIZE=1"), SYNTAX_BAD },
		{ OCTETS("x"), SYNTAX_BAD },
		{ OCTETS("\tSIZE=1"), SYNTAX_BAD },
		{ OCTETS(" SIZE=1\t"), SYNTAX_BAD },
		{ OCTETS(" \t"), SYNTAX_BAD },
		{ OCTETS(" SIZE"), SYNTAX_BAD },
		{ OCTETS(" SIZE="), SYNTAX_BAD },
		{ OCTETS(" SIZE= 1"), SYNTAX_BAD },
		{ OCTETS(" SIZE =1"), SYNTAX_BAD },
		{ OCTETS(" SIZE=5x"), SYNTAX_BAD },
		{ OCTETS(" SIZE=x5"), SYNTAX_BAD },
		{ OCTETS(" SIZE=-5"), SYNTAX_BAD },
		{ OCTETS(" SIZE=+5"), SYNTAX_BAD },
		{ OCTETS(" SIZE=0x5"), SYNTAX_BAD },
		{ OCTETS(" SIZE=5,"), SYNTAX_BAD },
		{ OCTETS(" SIZE=5.0"), SYNTAX_BAD },
		{ OCTETS(" SIZE=5="), SYNTAX_BAD },
		{ OCTETS(" SIZE==5"), SYNTAX_BAD },
		{ OCTETS(" SIZE=5\0"), SYNTAX_BAD },
		{ OCTETS(" SIZE=000000000000000000001"), SYNTAX_BAD },
		{ OCTETS(" SIZE=184467440737095516150"), SYNTAX_BAD },
		{ OCTETS(" BODY"), SYNTAX_BAD },
		{ OCTETS(" BODY="), SYNTAX_BAD },
		{ OCTETS(" BODY=8BIT"), SYNTAX_BAD },
		{ OCTETS(" BODY=BINARYMIME"), SYNTAX_BAD },
		{ OCTETS(" BODY=7BITx"), SYNTAX_BAD },
		{ OCTETS(" SMTPUTF8="), SYNTAX_BAD },
		{ OCTETS(" SMTPUTF8=1"), SYNTAX_BAD },
		{ OCTETS(" -X"), SYNTAX_BAD },
		{ OCTETS(" =1"), SYNTAX_BAD },
		{ OCTETS(" X=\x7f"), SYNTAX_BAD },
		{ OCTETS(" X=a\x1f"), SYNTAX_BAD },
		{ OCTETS(" X_Y"), SYNTAX_BAD },
		{ OCTETS(" \xc3\xb6=1"), SYNTAX_BAD },
		{ OCTETS(" \0"), SYNTAX_BAD },
		{ OCTETS(" SIZE=1\0BODY=7BIT"), SYNTAX_BAD },
		{ OCTETS(" SIZE=1 SIZE=1"), SYNTAX_DOUBLED },
		{ OCTETS(" SIZE=1 SMTPUTF8 size=2"), SYNTAX_DOUBLED },
		{ OCTETS(" BODY=7BIT BODY=8BITMIME"), SYNTAX_DOUBLED },
		{ OCTETS(" SMTPUTF8 SMTPUTF8"), SYNTAX_DOUBLED },
		{ OCTETS(" X"), SYNTAX_UNKNOWN },
		{ OCTETS(" X=!~"), SYNTAX_UNKNOWN },
		{ OCTETS(" 9-x-=1"), SYNTAX_UNKNOWN },
		{ OCTETS(" AUTH=<>"), SYNTAX_OK },
		{ OCTETS(" auth=e+3Dmc2@example.com"), SYNTAX_OK },
		{ OCTETS(" AUTH=+3"), SYNTAX_BAD },
		{ OCTETS(" AUTH=a+3d"), SYNTAX_BAD },
		{ OCTETS(" AUTH="), SYNTAX_BAD },
		{ OCTETS(" AUTH"), SYNTAX_BAD },
		{ OCTETS(" AUTH=<> AUTH=<>"), SYNTAX_DOUBLED },
		{ OCTETS(" RET=FULL"), SYNTAX_OK },
		{ OCTETS(" RET=FULL ret=HDRS"), SYNTAX_DOUBLED },
		{ OCTETS(" RET"), SYNTAX_BAD },
		{ OCTETS(" ENVID"), SYNTAX_BAD },
		{ OCTETS(" ENVID="), SYNTAX_BAD },
		{ OCTETS(" ENVID=a=b"), SYNTAX_BAD },
		{ OCTETS(" NOTIFY"), SYNTAX_BAD },
		{ OCTETS(" ORCPT"), SYNTAX_BAD },
		{ OCTETS(" NOTIFY=NEVER NOTIFY=NEVER"), SYNTAX_DOUBLED },
		{ OCTETS(" SIZ=1"), SYNTAX_UNKNOWN },
		{ OCTETS(" SIZES=1"), SYNTAX_UNKNOWN },
		{ OCTETS(" SMTPUTF"), SYNTAX_UNKNOWN },
		{ OCTETS(" SIZE=1 X=2"), SYNTAX_UNKNOWN },
	};
	struct mail_params p;

	for (size_t i = 0; i < COUNT(t); i++)
		ck_assert_msg(smtp_parse_params(t[i].in, all_params, &p) ==
		    t[i].want, "\"%.*s\"", (int)t[i].in.n,
		    (const char *)t[i].in.p);
}

TEST(none_offered)
{
	static const struct {
		const char	*in;
		enum syntax	 want;
	} t[] = {
		{ "", SYNTAX_OK }, { " ", SYNTAX_OK }, { "   ", SYNTAX_OK },
		{ " NOTIFY=NEVER", SYNTAX_UNKNOWN }, { " X", SYNTAX_UNKNOWN },
		{ " SIZE=1", SYNTAX_UNKNOWN }, { " SMTPUTF8", SYNTAX_UNKNOWN },
		{ "X", SYNTAX_BAD }, { "\t", SYNTAX_BAD },
		{ " \t", SYNTAX_BAD }, { " =", SYNTAX_BAD },
		{ " X=", SYNTAX_BAD }, { " <b@c>", SYNTAX_BAD },
		{ ">", SYNTAX_BAD },
	};

	struct mail_params p;

	for (size_t i = 0; i < COUNT(t); i++)
		ck_assert_msg(smtp_parse_params(span_of(t[i].in), 0, &p) ==
		    t[i].want, "\"%s\"", t[i].in);
	ck_assert_int_eq(smtp_parse_params(span_of(" AUTH=<>"),
	    all_params & ~SMTP_PARAM_AUTH, &p), SYNTAX_UNKNOWN);
}

TEST(helo)
{
	static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789-._";
	char name[300];

	for (unsigned c = 0; c < 256; c++) {
		char in[3] = { 'a', (char)c, 'b' };
		bool want = c != 0 && strchr(good, (char)c) != NULL;

		ck_assert_msg(smtp_helo_valid(span_from(in, 3)) == want,
		    "%02x in the middle", c);
		ck_assert_msg(smtp_helo_valid(span_from(in + 1, 1)) == want,
		    "%02x alone", c);
	}
	memset(name, 'x', sizeof(name));
	ck_assert(!smtp_helo_valid(span_from(name, 0)));
	ck_assert(smtp_helo_valid(span_from(name, 1)));
	ck_assert(smtp_helo_valid(span_from(name, 255)));
	ck_assert(!smtp_helo_valid(span_from(name, 256)));
	ck_assert(smtp_helo_valid(span_of("mail.example.org")));
	ck_assert(!smtp_helo_valid(span_of("mail.example.org ")));
	ck_assert(!smtp_helo_valid(span_of("a b")));
	/* RFC 6531 3.7.1: no U-label before SMTPUTF8 has been offered. */
	ck_assert(!smtp_helo_valid(span_of("b\xc3\xbc" "cher.example")));
	ck_assert(smtp_helo_valid(span_of("[192.0.2.1]")));
	ck_assert(smtp_helo_valid(span_of("[192.168.001.020]")));
	ck_assert(!smtp_helo_valid(span_of("[192.168.001.256]")));
	ck_assert(!smtp_helo_valid(span_of("[0.0.0.]")));
	ck_assert(!smtp_helo_valid(span_of("[0000.0.0.0]")));
	ck_assert(!smtp_helo_valid(span_of("[0.0.0.0012]")));
	ck_assert(!smtp_helo_valid(span_of("[192.0.2.1")));
	ck_assert(!smtp_helo_valid(span_of("192.0.2.1]")));
	ck_assert(!smtp_helo_valid(span_of("x[192.0.2.1]")));
	ck_assert(!smtp_helo_valid(span_of("[192.0.2.1]x")));
	ck_assert(smtp_helo_valid(span_of("2001:db8::1")));
	ck_assert(smtp_helo_valid(span_of("::ffff:192.0.2.1")));
	ck_assert(smtp_helo_valid(span_of("[2001:db8::1]")));
	ck_assert(smtp_helo_valid(span_of("[::1]")));
	ck_assert(!smtp_helo_valid(span_of("[::1")));
	ck_assert(!smtp_helo_valid(span_of("::1]")));
	ck_assert(!smtp_helo_valid(span_of("fe80::1%eth0")));
	ck_assert(!smtp_helo_valid(span_of("1:2:3")));
	ck_assert(!smtp_helo_valid(span_of(":")));
}

/* The literal alone, as in HELO, and in a path: both agree. */
static bool
literal(const char *inner)
{
	char in[128];
	struct mailbox m;
	struct span rest, s;
	bool as_helo, in_path;

	snprintf(in, sizeof(in), "<a@[%s]>", inner);
	s = span_of(in);
	in_path = smtp_parse_path(s, false, false, &m, &rest) == SYNTAX_OK;
	as_helo = smtp_helo_valid(span_from(s.p + 3, s.n - 4));
	/* Without its tag HELO takes it, too. */
	if (in_path != as_helo && !(as_helo && smtp_helo_valid(
	    span_of(inner))))
		ck_abort_msg("[%s]: differs", inner);
	if (in_path && !span_equal_fold(span_from(m.domain, m.domain_len),
	    span_from(s.p + 3, s.n - 4)))
		ck_abort_msg("%s", in);
	return in_path;
}

/* Every number of one to four digits in each of the four places. */
TEST(ipv4_numbers)
{
	static const char *const forms[] = { "%0*u.0.2.9", "1.%0*u.2.9",
	    "1.0.%0*u.9", "1.0.2.%0*u" };
	char text[64];

	for (size_t i = 0; i < COUNT(forms); i++)
		for (unsigned v = 0; v < 1100; v++)
			for (int width = 1; width <= 4; width++) {
				size_t at = strcspn(forms[i], "%");
				/* 010 is 8 to some. */
				bool want = v <= 255 && (width == 1 ||
				    v >= (width == 2 ? 10 : 100)) &&
				    width <= 3;

				snprintf(text, sizeof(text), "%.*s%0*u%s",
				    (int)at, forms[i], width, v,
				    forms[i] + at + 4);
				if (literal(text) != want)
					ck_abort_msg("%s", text);
			}
}

TEST(ipv4_shapes)
{
	static const char *const bad[] = { "", "1", "1.2", "1.2.3", "1.2.3.",
	    ".1.2.3", "1..2.3", "1.2.3.4.", "1.2.3.4.5", " 1.2.3.4",
	    "1.2.3.4 ", "1,2,3,4", "1.2.3.a", "0x1.2.3.4", "+1.2.3.4",
	    "-1.2.3.4", "1.2.3.4/8", "1.2.3.4:25", "4294967297.1.1.1",
	    "1.2.3.4\t", "1.2.3.4]", "[1.2.3.4", "IPv4:1.2.3.4",
	    "99999999999999999999.1.1.1" };

	for (size_t i = 0; i < COUNT(bad); i++)
		ck_assert_msg(!literal(bad[i]), "%s", bad[i]);
	ck_assert(literal("0.0.0.0"));
	ck_assert(literal("255.255.255.255"));
}

/* Groups in a list joined by single colons; -1: not such a list. */
static int
groups_in(const char *p, size_t n)
{
	int groups = 0;

	if (n == 0)
		return 0;
	for (;;) {
		size_t digits = 0;

		while (digits < n && p[digits] != ':')
			digits++;
		if (digits < 1 || digits > 4)
			return -1;
		groups++;
		if (digits == n)
			return groups;
		p += digits + 1;
		n -= digits + 1;
		if (n == 0)
			return -1;
	}
}

/*
 * RFC 4291 2.2, from hex digits and colons only: "::" cuts the text into two
 * lists with at most seven groups together; without it there are eight.
 * more: groups that the last one stands for beyond itself.
 */
static bool
reference(const char *p, int more)
{
	const char *gap = strstr(p, "::");
	int left, right;

	if (gap == NULL) {
		left = groups_in(p, strlen(p));
		return left > 0 && left + more == 8;
	}
	left = groups_in(p, (size_t)(gap - p));
	right = groups_in(gap + 2, strlen(gap + 2));
	return left >= 0 && right >= 0 && left + right + more <= 7;
}

/* Every text of up to 17 octets made of "a" and ":". */
TEST(ipv6_shapes)
{
	char text[32] = "IPv6:", *p = text + 5;
	unsigned right = 0;

	for (unsigned n = 0; n <= 17; n++)
		for (unsigned bits = 0; bits < 1u << n; bits++) {
			bool want;

			for (unsigned i = 0; i < n; i++)
				p[i] = bits >> i & 1 ? 'a' : ':';
			p[n] = '\0';
			want = reference(p, 0);
			right += want;
			if (literal(text) != want)
				ck_abort_msg("%s: want %d", text, want);
		}
	ck_assert_uint_gt(right, 29);
}

/* The same with an IPv4 address for a last group of one digit. */
TEST(ipv6_with_ipv4)
{
	char text[40] = "IPv6:", *p = text + 5;

	for (unsigned n = 1; n <= 14; n++)
		for (unsigned bits = 0; bits < 1u << (n - 1); bits++) {
			bool want;

			for (unsigned i = 0; i < n; i++)
				p[i] = bits >> i & 1 ? 'a' : ':';
			strcpy(p + n - 1, "a");
			want = reference(p, 1) && (n == 1 || p[n - 2] == ':');
			strcpy(p + n - 1, "192.0.2.255");
			if (literal(text) != want)
				ck_abort_msg("%s: want %d", text, want);
			strcpy(p + n - 1, "192.0.2.256");
			if (literal(text))
				ck_abort_msg("%s", text);
		}
}

TEST(ipv6_others)
{
	static const char *const good[] = { "IPv6:::", "IPv6:::1",
	    "IPv6:2001:db8::1", "ipv6:2001:DB8::1", "IPV6:1:2:3:4:5:6:7:8",
	    "IPv6:ABCD:ef01:2345:6789:abcd:EF01:2345:6789",
	    "IPv6:::ffff:192.0.2.1", "IPv6:1:2:3:4:5:6:192.0.2.1",
	    "IPv6:1:2:3:4:5:6::", "IPv6:0000::0000",
	    "IPv6:1:2:3:4::192.0.2.1", "IPv6:1:2:3:4:5:6:7::",
	    "IPv6:1:2:3:4:5::192.0.2.1" };
	static const char *const bad[] = { "IPv6", "IPv6:", "IPv6::",
	    "IPv6 ::1", "IPv6: ::1", "IPv6:::1 ", "IPv6:::g", "IPv6:00000::",
	    "IPv6:::1%eth0", "IPv6:::1/64",
	    "IPv6:1.2.3.4", "IPv6:1.2.3.4::", "IPv6:::1.2.3.4:1",
	    "IPv6:::1.2.3", "IPv6:::1.2.3.4.5", "IPv6:1::1.2.3.256",
	    "IPv6:1:2:3:4:5:6:7:192.0.2.1",
	    "IPv6:[::1]", "IPv6:::1]", "::1", "2001:db8::1", "IPv5:::1",
	    "xIPv6:::1", "IPv6:IPv6:::1", "IPv6:-1::", "IPv6:0x1::" };

	for (size_t i = 0; i < COUNT(good); i++)
		ck_assert_msg(literal(good[i]), "%s", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		ck_assert_msg(!literal(bad[i]), "%s", bad[i]);
}
