/*
 * span: views, their comparison and cutting.
 */
#include "t/unit/unit.h"

TEST(made)
{
	static const char text[] = "ab\0cd";
	struct span s = span_of(text);

	ck_assert_ptr_eq(s.p, text);
	ck_assert_uint_eq(s.n, 2);
	ck_assert_uint_eq(span_of("").n, 0);
	s = span_from(text + 1, 3);
	ck_assert_ptr_eq(s.p, text + 1);
	ck_assert_uint_eq(s.n, 3);
}

TEST(equal)
{
	static const struct {
		struct span	a, b;
		bool		same, folded;
	} t[] = {
		{ OCTETS(""), OCTETS(""), true, true },
		{ OCTETS("a"), OCTETS(""), false, false },
		{ OCTETS(""), OCTETS("a"), false, false },
		{ OCTETS("abc"), OCTETS("abc"), true, true },
		{ OCTETS("abc"), OCTETS("abC"), false, true },
		{ OCTETS("abc"), OCTETS("abd"), false, false },
		{ OCTETS("abc"), OCTETS("xbc"), false, false },
		{ OCTETS("abc"), OCTETS("abcd"), false, false },
		{ OCTETS("a\0b"), OCTETS("a\0b"), true, true },
		{ OCTETS("a\0b"), OCTETS("a\0B"), false, true },
		{ OCTETS("a\0b"), OCTETS("a\0c"), false, false },
		{ OCTETS("@"), OCTETS("`"), false, false },
		{ OCTETS("["), OCTETS("{"), false, false },
		{ OCTETS("\xc3\x84"), OCTETS("\xc3\xa4"), false, false },
	};

	for (size_t i = 0; i < COUNT(t); i++) {
		ck_assert_msg(span_equal(t[i].a, t[i].b) == t[i].same,
		    "equal, row %zu", i);
		ck_assert_msg(span_equal_fold(t[i].a, t[i].b) == t[i].folded,
		    "equal_fold, row %zu", i);
	}
	ck_assert(span_equal((struct span){ NULL, 0 }, span_of("")));
	ck_assert(span_equal_fold((struct span){ NULL, 0 }, span_of("")));
}

TEST(begins)
{
	ck_assert(span_begins_fold(span_of("MAIL FROM:"), span_of("mail")));
	ck_assert(span_begins_fold(span_of("mail"), span_of("MAIL")));
	ck_assert(span_begins_fold(span_of("mail"), span_of("")));
	ck_assert(span_begins_fold(span_of(""), span_of("")));
	ck_assert(!span_begins_fold(span_of(""), span_of("m")));
	ck_assert(!span_begins_fold(span_of("mai"), span_of("mail")));
	ck_assert(!span_begins_fold(span_of("xmail"), span_of("mail")));
	ck_assert(!span_begins_fold(span_of("maim"), span_of("mail")));
}

TEST(skip)
{
	static const char text[] = "abc";

	for (size_t n = 0; n < 6; n++) {
		size_t left = n < 3 ? 3 - n : 0;
		struct span s = span_skip(span_of(text), n);

		ck_assert_uint_eq(s.n, left);
		ck_assert_ptr_eq(s.p, text + 3 - left);
	}
	ck_assert_uint_eq(span_skip(span_of(text), SIZE_MAX).n, 0);
}

TEST(lower)
{
	static const char capital[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char small[] = "abcdefghijklmnopqrstuvwxyz";

	for (unsigned c = 0; c < 256; c++) {
		const char *at = c == 0 ? NULL : strchr(capital, (int)c);
		unsigned want = at == NULL ? c :
		    (unsigned)small[at - capital];

		ck_assert_uint_eq(ascii_lower((uint8_t)c), want);
	}
}

TEST(take_and_cut)
{
	struct span in = span_of("a,b,,c"), none = { NULL, 0 };

	ck_assert(span_next_is(in, 'a') && !span_next_is(none, 'a'));
	ck_assert(!span_take(&in, 'b') && in.n == 6);
	ck_assert(span_take(&in, 'a') && in.n == 5);
	ck_assert_uint_eq(span_cut(&in, ',').n, 0);
	ck_assert(span_equal(span_cut(&in, ','), span_of("b")));
	ck_assert_uint_eq(span_cut(&in, ',').n, 0);
	ck_assert(span_equal(span_cut(&in, ','), span_of("c")) && in.n == 0);
	ck_assert(span_cut(&in, ',').n == 0 && in.n == 0);
	ck_assert(span_cut(&none, ',').n == 0 && none.n == 0);
}

TEST(number)
{
	uint64_t n;

	ck_assert(span_number(span_of("0"), &n) && n == 0);
	ck_assert(span_number(span_of("00065535"), &n) && n == 65535);
	ck_assert(span_number(span_of("18446744073709551614"), &n) &&
	    n == UINT64_MAX - 1);
	ck_assert(span_number(span_of("18446744073709551616"), &n) &&
	    n == UINT64_MAX);
	ck_assert(span_number(span_of("184467440737095516150"), &n) &&
	    n == UINT64_MAX);
	ck_assert(!span_number(span_of(""), &n));
	ck_assert(!span_number(span_of("1x"), &n));
	ck_assert(!span_number(span_of("-1"), &n));
	ck_assert(!span_number(span_of(" 1"), &n));
}

/* Each octet at each place of each length, and nothing around it counts. */
TEST(is_ascii)
{
	uint8_t room[80];

	for (size_t n = 0; n <= 50; n++)
		for (size_t at = 0; at < 70; at++)
			for (unsigned c = 0; c < 256; c += c == 1 ? 125 : 1) {
				struct span s = span_from(room + 9, n);
				bool inside = at >= 9 && at < 9 + n;

				memset(room, 'x', sizeof(room));
				room[at] = (uint8_t)c;
				if (span_is_ascii(s) != (!inside || c < 128))
					ck_abort_msg("%u at %zu of %zu", c, at,
					    n);
			}
	ck_assert(span_is_ascii(span_from(NULL, 0)));
}
