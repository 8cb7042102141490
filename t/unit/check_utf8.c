/*
 * utf8: every character, and every wrong pair of first octets, against
 * the ABNF of RFC 3629.
 */
#include "t/unit/unit.h"


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

/* UTF8-octets as RFC 3629 4 has them: row by row of its ABNF. */
static size_t
reference(const uint8_t p[4])
{
	static const struct {
		uint8_t	first[2], second[2];
		size_t	n;
	} rows[] = {
		{ { 0xc2, 0xdf }, { 0x80, 0xbf }, 2 },
		{ { 0xe0, 0xe0 }, { 0xa0, 0xbf }, 3 },
		{ { 0xe1, 0xec }, { 0x80, 0xbf }, 3 },
		{ { 0xed, 0xed }, { 0x80, 0x9f }, 3 },
		{ { 0xee, 0xef }, { 0x80, 0xbf }, 3 },
		{ { 0xf0, 0xf0 }, { 0x90, 0xbf }, 4 },
		{ { 0xf1, 0xf3 }, { 0x80, 0xbf }, 4 },
		{ { 0xf4, 0xf4 }, { 0x80, 0x8f }, 4 },
	};

	if (p[0] < 0x80)
		return 1;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (p[0] >= rows[i].first[0] && p[0] <= rows[i].first[1] &&
		    p[1] >= rows[i].second[0] && p[1] <= rows[i].second[1] &&
		    (rows[i].n < 3 || (p[2] >= 0x80 && p[2] <= 0xbf)) &&
		    (rows[i].n < 4 || (p[3] >= 0x80 && p[3] <= 0xbf)))
			return rows[i].n;
	return 0;
}

TEST(every_character)
{
	uint32_t got = 0;

	for (uint32_t c = 0; c < 0x110000; c++) {
		uint8_t p[5] = { 0, 0, 0, 0, 0 };
		size_t n = encode(c, p);
		size_t want = c >= 0xd800 && c <= 0xdfff ? 0 : n;

		if (utf8_first(span_from(p, n)) != want ||
		    utf8_first(span_from(p, sizeof(p))) != want)
			ck_abort_msg("U+%04x", c);
		if (utf8_next(span_from(p, n), &got) != want ||
		    (want > 0 && got != c))
			ck_abort_msg("U+%04x is U+%04x", c, got);
		for (size_t less = 0; less < n; less++)
			if (utf8_first(span_from(p, less)) != 0)
				ck_abort_msg("U+%04x cut to %zu", c, less);
	}
	ck_assert_uint_eq(utf8_first(span_from("a", 1)), 1);
}

TEST(plain)
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

TEST(every_pair)
{
	static const uint8_t later[] = { 0, 0x7f, 0x80, 0x9f, 0xa0, 0xbf,
	    0xc0, 0xff };
	uint8_t p[4];

	for (unsigned i = 0; i < 65536 * COUNT(later) * COUNT(later); i++) {
		p[0] = (uint8_t)i;
		p[1] = (uint8_t)(i >> 8);
		p[2] = later[(i >> 16) % COUNT(later)];
		p[3] = later[(i >> 16) / COUNT(later)];
		if (utf8_first(span_from(p, 4)) != reference(p))
			ck_abort_msg("%02x %02x %02x %02x", p[0], p[1], p[2],
			    p[3]);
	}
}
