/* The fixed-size buffer.  Pure: storage belongs to the caller. */
#include "shared/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct buf
buf_over(void *storage, size_t max)
{
	return (struct buf){ storage, 0, max, false };
}

void
buf_add(struct buf *b, struct span s)
{
	if (b->cut || s.n > b->max - b->n) {
		b->cut = true;
		return;
	}
	if (s.n > 0)
		memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
}

void
buf_add_str(struct buf *b, const char *s)
{
	buf_add(b, span_of(s));
}

void
buf_add_number(struct buf *b, uint64_t n, size_t octets)
{
	uint8_t raw[sizeof(n)];

	for (size_t i = 0; i < octets; i++)
		raw[i] = (uint8_t)(n >> (8 * i));
	buf_add(b, span_from(raw, octets));
}

void
buf_add_decimal(struct buf *b, uint64_t n)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	buf_add(b, span_from(digits + at, sizeof(digits) - at));
}

void
buf_print(struct buf *b, const char *format, ...)
{
	size_t room = b->cut ? 0 : b->max - b->n;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(room == 0 ? NULL : (char *)b->p + b->n, room, format,
	    args);
	va_end(args);
	if (n < 0 || (size_t)n >= room)
		b->cut = true;
	else
		b->n += (size_t)n;
}

void
buf_add_escaped(struct buf *b, struct span s, const char *special)
{
	static const char hex[] = "0123456789abcdef";

	while (s.n > 0) {
		char text[4] = { '\\', 'x', hex[s.p[0] >> 4],
		    hex[s.p[0] & 15] };
		uint32_t point;
		size_t n = utf8_next(s, &point);

		/* One addition each: a cut leaves no lone backslash. */
		if (n == 0 || !utf8_is_plain(point)) {
			n = 1;
			buf_add(b, span_from(text, sizeof(text)));
		} else if (point == '\\' ||
		    (n == 1 && strchr(special, (int)point) != NULL)) {
			text[1] = (char)point;
			buf_add(b, span_from(text, 2));
		} else
			buf_add(b, span_from(s.p, n));
		s = span_skip(s, n);
	}
}

struct span
buf_span(const struct buf *b)
{
	return span_from(b->p, b->n);
}

const char *
buf_str(struct buf *b)
{
	if (b->n == b->max)
		b->n--;
	b->p[b->n] = '\0';
	return (const char *)b->p;
}
