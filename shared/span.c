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

uint8_t
ascii_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}
