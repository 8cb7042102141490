/*
 * UTF-8 one character at a time.  Pure.
 */
#include "shared/utf8.h"

/*
 * RFC 3629 section 4: the second octet's range depends on the first; every
 * later one is 80 to BF.
 */
static bool
second_fits(uint8_t first, uint8_t second)
{
	switch (first) {
	case 0xe0:
		return second >= 0xa0 && second <= 0xbf;
	case 0xed:
		return second >= 0x80 && second <= 0x9f;
	case 0xf0:
		return second >= 0x90 && second <= 0xbf;
	case 0xf4:
		return second >= 0x80 && second <= 0x8f;
	default:
		return second >= 0x80 && second <= 0xbf;
	}
}

static size_t
length_by_first(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	if (first >= 0xf0 && first <= 0xf4)
		return 4;
	return 0;
}

size_t
utf8_first(struct span s)
{
	size_t n;

	if (s.n == 0)
		return 0;
	n = length_by_first(s.p[0]);
	if (n == 0 || n > s.n)
		return 0;
	if (n > 1 && !second_fits(s.p[0], s.p[1]))
		return 0;
	for (size_t i = 2; i < n; i++)
		if (s.p[i] < 0x80 || s.p[i] > 0xbf)
			return 0;
	return n;
}

bool
utf8_is_c1(struct span s)
{
	return s.n >= 2 && s.p[0] == 0xc2 && s.p[1] >= 0x80 && s.p[1] <= 0x9f;
}

size_t
utf8_next(struct span in, uint32_t *out)
{
	static const uint8_t first_bits[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	size_t n = utf8_first(in);
	uint32_t c;

	if (n == 0)
		return 0;
	c = in.p[0] & first_bits[n];
	for (size_t i = 1; i < n; i++)
		c = c << 6 | (in.p[i] & 0x3fU);
	*out = c;
	return n;
}

/*
 * Not plain are invisible characters and those that change the direction of
 * text: Default_Ignorable_Code_Point, blanks other than ASCII's, and controls.
 */
bool
utf8_is_plain(uint32_t c)
{
	static const struct {
		uint32_t	first, last;
	} hidden[] = {
		{ 0, 0x1f }, { 0x7f, 0xa0 }, { 0xad, 0xad }, { 0x34f, 0x34f },
		{ 0x61c, 0x61c }, { 0x115f, 0x1160 }, { 0x1680, 0x1680 },
		{ 0x17b4, 0x17b5 }, { 0x180b, 0x180f }, { 0x2000, 0x200f },
		{ 0x2028, 0x202f }, { 0x205f, 0x206f }, { 0x2800, 0x2800 },
		{ 0x3000, 0x3000 }, { 0x3164, 0x3164 }, { 0xfe00, 0xfe0f },
		{ 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 }, { 0xfff0, 0xfffb },
		{ 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a },
		{ 0xe0000, UINT32_MAX }
	};

	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (c >= hidden[i].first && c <= hidden[i].last)
			return false;
	return true;
}
