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
