/*
 * Views of bytes: comparison and cutting.  Pure; used by every program.
 */
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
