/*
 * utf8: every character, and every wrong pair of first octets, against an
 * independent reading of RFC 3629: decode freely, then ask for the shortest
 * form and the permitted range.
 */
#include "t/unit/unit.h"

#include "shared/utf8.h"

static size_t
encode(uint32_t c, uint8_t out[4])
{
	if (c < 0x80) {
		out[0] = (uint8_t)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (uint8_t)(0xc0 | c >> 6);
		out[1] = (uint8_t)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (uint8_t)(0xe0 | c >> 12);
		out[1] = (uint8_t)(0x80 | (c >> 6 & 63));
		out[2] = (uint8_t)(0x80 | (c & 63));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | c >> 18);
	out[1] = (uint8_t)(0x80 | (c >> 12 & 63));
	out[2] = (uint8_t)(0x80 | (c >> 6 & 63));
	out[3] = (uint8_t)(0x80 | (c & 63));
	return 4;
}

/* Is what was decoded from n octets a character that needs n? */
static bool
is_shortest(uint32_t c, size_t n)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };

	return c >= least[n] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
}

static size_t
reference(const uint8_t *p, size_t n)
{
	uint32_t c = 0;
	size_t want;

	if (n == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	want = (p[0] & 0xe0) == 0xc0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 :
	    (p[0] & 0xf8) == 0xf0 ? 4 : 0;
	if (want == 0 || want > n)
		return 0;
	c = p[0] & (0x7fu >> want);
	for (size_t i = 1; i < want; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 63);
	}
	return is_shortest(c, want) ? want : 0;
}

START_TEST(every_character)
{
	uint32_t got = 0;

	for (uint32_t c = 0; c < 0x110000; c++) {
		uint8_t p[5] = { 0, 0, 0, 0, 0 };
		size_t n = encode(c, p);
		size_t want = c >= 0xd800 && c <= 0xdfff ? 0 : n;

		if (utf8_first(span_from(p, n)) != want ||
		    utf8_first(span_from(p, sizeof(p))) != want)
			ck_abort_msg("U+%04x", c);
		if (utf8_is_c1(span_from(p, n)) != (c >= 0x80 && c <= 0x9f))
			ck_abort_msg("C1: U+%04x", c);
		if (utf8_next(span_from(p, n), &got) != want ||
		    (want > 0 && got != c))
			ck_abort_msg("U+%04x is U+%04x", c, got);
		for (size_t less = 0; less < n; less++)
			if (utf8_first(span_from(p, less)) != 0)
				ck_abort_msg("U+%04x cut to %zu", c, less);
	}
	ck_assert_uint_eq(utf8_first(span_from("a", 1)), 1);
}
END_TEST

START_TEST(plain)
{
	static const uint32_t not[] = { 0x1f, 0x7f, 0x9f, 0xa0, 0x202a,
	    0x202e, 0x2066, 0x2069, 0x3164, 0xfe0f, 0xfeff, 0xe0001,
	    0x110000 };
	static const uint32_t is[] = { ' ', '~', 0xe4, 0x301, 0x20ac,
	    0x1f4ec };

	for (size_t i = 0; i < COUNT(not); i++)
		ck_assert_msg(!utf8_is_plain(not[i]), "U+%04x", not[i]);
	for (size_t i = 0; i < COUNT(is); i++)
		ck_assert_msg(utf8_is_plain(is[i]), "U+%04x", is[i]);
}
END_TEST

START_TEST(every_pair)
{
	static const uint8_t later[] = { 0, 0x7f, 0x80, 0x9f, 0xa0, 0xbf,
	    0xc0, 0xff };
	uint8_t p[4];

	for (unsigned i = 0; i < 65536 * COUNT(later) * COUNT(later); i++) {
		p[0] = (uint8_t)i;
		p[1] = (uint8_t)(i >> 8);
		p[2] = later[(i >> 16) % COUNT(later)];
		p[3] = later[(i >> 16) / COUNT(later)];
		if (utf8_first(span_from(p, 4)) != reference(p, 4))
			ck_abort_msg("%02x %02x %02x %02x", p[0], p[1], p[2],
			    p[3]);
	}
}
END_TEST

START_TEST(c1_only_whole)
{
	ck_assert(utf8_is_c1(span_of("\xc2\x85" "a")));
	ck_assert(!utf8_is_c1(span_of("\xc2")));
	ck_assert(!utf8_is_c1(span_of("")));
	ck_assert(!utf8_is_c1(span_of("\xc2\xa0")));
	ck_assert(!utf8_is_c1(span_of("\xc3\x85")));
	ck_assert(!utf8_is_c1(span_of("\x85")));
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { every_character, plain, every_pair,
	    c1_only_whole };

	return UNIT_RUN("utf8", tests);
}
