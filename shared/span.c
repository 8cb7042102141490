/* Views of bytes: comparison and cutting.  Pure; used by every program. */
#include "shared/span.h"

#include <string.h>

struct span
span_of(const char *s)
{
	return span_from(s, strlen(s));
}

struct span
span_from(const void *p, size_t n)
{
	return (struct span){ p, n };
}

void
span_copy(struct span s, char *out)
{
	if (s.n > 0)
		memmove(out, s.p, s.n);
	out[s.n] = '\0';
}

bool
span_equal(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool
span_equal_fold(struct span a, struct span b)
{
	return a.n == b.n && span_begins_fold(a, b);
}

bool
span_begins_fold(struct span a, struct span prefix)
{
	if (a.n < prefix.n)
		return false;
	for (size_t i = 0; i < prefix.n; i++)
		if (ascii_lower(a.p[i]) != ascii_lower(prefix.p[i]))
			return false;
	return true;
}

struct span
span_skip(struct span a, size_t n)
{
	if (n > a.n)
		n = a.n;
	return (struct span){ a.p + n, a.n - n };
}

bool
span_next_is(struct span s, uint8_t octet)
{
	return s.n > 0 && s.p[0] == octet;
}

bool
span_take(struct span *in, uint8_t octet)
{
	bool there = span_next_is(*in, octet);

	if (there)
		*in = span_skip(*in, 1);
	return there;
}

struct span
span_cut(struct span *in, uint8_t end)
{
	const uint8_t *at = in->n == 0 ? NULL : memchr(in->p, end, in->n);
	struct span before = *in;

	if (at != NULL)
		before.n = (size_t)(at - in->p);
	*in = span_skip(*in, before.n + 1);
	return before;
}

bool
span_take_number(struct span *in, size_t octets, uint64_t *out)
{
	*out = 0;
	if (in->n < octets)
		return false;
	for (size_t i = 0; i < octets; i++)
		*out |= (uint64_t)in->p[i] << (8 * i);
	*in = span_skip(*in, octets);
	return true;
}

bool
span_number(struct span s, uint64_t *out)
{
	size_t i = 0;

	for (*out = 0; i < s.n && ascii_is_digit(s.p[i]); i++) {
		uint64_t digit = (uint64_t)(s.p[i] - '0');

		*out = *out > (UINT64_MAX - digit) / 10 ? UINT64_MAX :
		    *out * 10 + digit;
	}
	return s.n > 0 && i == s.n;
}

bool
span_is_ascii(struct span s)
{
	uint64_t word, all = 0;
	size_t i = 0;

	for (; s.n - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, s.p + i, sizeof(word));
		all |= word;
	}
	for (; i < s.n; i++)
		all |= s.p[i];
	return (all & 0x8080808080808080) == 0;
}

uint8_t
ascii_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

bool
ascii_is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

bool
ascii_is_alnum(uint8_t c)
{
	c = ascii_lower(c);
	return ascii_is_digit(c) || (c >= 'a' && c <= 'z');
}

size_t
utf8_next(struct span in, uint32_t *out)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t c = in.n == 0 ? 0xff : in.p[0];
	size_t n = c < 0x80 ? 1 : c < 0xc0 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 :
	    c < 0xf8 ? 4 : 0;

	if (n == 0 || n > in.n)
		return 0;
	if (n > 1)
		c &= 0x7fU >> n;
	for (size_t i = 1; i < n; i++) {
		if ((in.p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (in.p[i] & 0x3fU);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*out = c;
	return n;
}

size_t
utf8_first(struct span s)
{
	uint32_t unused;

	return utf8_next(s, &unused);
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
	size_t i = 0;

	while (c > hidden[i].last)
		i++;
	return c < hidden[i].first;
}
