/*
 * A strict reader and writer of our own JSON.  Pure.
 *
 * Of all the ways to write a character (RFC 8259 section 7) it takes one: the
 * escapes \" and \\, \u00XX in small letters for controls, and everything else
 * unescaped.
 */
#include "server/log/json.h"

#include <string.h>

#include "shared/utf8.h"

static const char hex[] = "0123456789abcdef";

bool
json_took(struct json *j, const char *text)
{
	size_t n = strlen(text);

	if (j->bad || j->rest.n < n || memcmp(j->rest.p, text, n) != 0)
		return false;
	j->rest = span_skip(j->rest, n);
	return true;
}

void
json_take(struct json *j, const char *text)
{
	if (!json_took(j, text))
		j->bad = true;
}

static bool
is_digit(struct span s)
{
	return s.n > 0 && s.p[0] >= '0' && s.p[0] <= '9';
}

uint64_t
json_take_u64(struct json *j)
{
	uint64_t value = 0;
	struct span digits = j->rest;

	if (j->bad || !is_digit(j->rest)) {
		j->bad = true;
		return 0;
	}
	while (is_digit(j->rest)) {
		unsigned digit = j->rest.p[0] - '0';

		if (value > (UINT64_MAX - digit) / 10) {
			j->bad = true;
			return 0;
		}
		value = value * 10 + digit;
		j->rest = span_skip(j->rest, 1);
	}
	if (digits.p[0] == '0' && digits.n - j->rest.n > 1)
		j->bad = true;
	return value;
}

static bool
is_control(uint8_t c)
{
	return c < 0x20 || c == 0x7f;
}

/* The control that s begins with as "\u00XX"; -1 for anything else. */
static int
control_of(struct span s)
{
	const char *high, *low;
	int value;

	if (s.n < 6 || memcmp(s.p, "\\u00", 4) != 0 || s.p[4] == '\0' ||
	    s.p[5] == '\0')
		return -1;
	high = strchr(hex, s.p[4]);
	low = strchr(hex, s.p[5]);
	if (high == NULL || low == NULL)
		return -1;
	value = (int)(high - hex) * 16 + (int)(low - hex);
	return is_control((uint8_t)value) ? value : -1;
}

/* Octets, escapes included, of the character s begins with; 0: none. */
static size_t
character(struct span s)
{
	if (s.p[0] == '\\') {
		if (s.n >= 2 && (s.p[1] == '"' || s.p[1] == '\\'))
			return 2;
		return control_of(s) >= 0 ? 6 : 0;
	}
	return is_control(s.p[0]) ? 0 : utf8_first(s);
}

struct span
json_take_string(struct json *j)
{
	const uint8_t *start;
	size_t n;

	json_take(j, "\"");
	start = j->rest.p;
	while (!j->bad && j->rest.n > 0 && j->rest.p[0] != '"') {
		n = character(j->rest);
		if (n == 0)
			j->bad = true;
		j->rest = span_skip(j->rest, n);
	}
	n = (size_t)(j->rest.p - start);
	json_take(j, "\"");
	return j->bad ? span_from("", 0) : span_from(start, n);
}

void
json_literal(struct json *j, const char *text)
{
	if (j->out != NULL)
		buf_add_str(j->out, text);
	else
		json_take(j, text);
}

void
json_text(struct json *j, const char *key, struct span *raw)
{
	json_literal(j, key);
	if (j->out == NULL) {
		*raw = json_take_string(j);
		return;
	}
	buf_add_str(j->out, "\"");
	buf_add(j->out, *raw);
	buf_add_str(j->out, "\"");
}

void
json_number(struct json *j, const char *key, uint64_t *value)
{
	json_literal(j, key);
	if (j->out == NULL)
		*value = json_take_u64(j);
	else
		buf_add_u64(j->out, *value, 1);
}

/* Adds c, a character or one of a surrogate pair, as \uXXXX. */
static void
add_point(struct buf *b, uint32_t c)
{
	const char text[] = { '\\', 'u', hex[c >> 12], hex[c >> 8 & 15],
	    hex[c >> 4 & 15], hex[c & 15] };

	buf_add(b, span_from(text, sizeof(text)));
}

void
json_add_text(struct buf *b, struct span s)
{
	while (s.n > 0) {
		size_t n = utf8_first(s);

		if (n == 0)
			buf_add_str(b, "\xef\xbf\xbd");
		else if (s.p[0] == '"' || s.p[0] == '\\')
			buf_add(b, span_from((const uint8_t[]){ '\\',
			    s.p[0] }, 2));
		else if (is_control(s.p[0]))
			add_point(b, s.p[0]);
		else
			buf_add(b, span_from(s.p, n));
		s = span_skip(s, n == 0 ? 1 : n);
	}
}

void
json_add_shown(struct buf *b, struct span raw)
{
	while (raw.n > 0) {
		uint32_t c = 0;
		size_t n = utf8_next(raw, &c);

		if (n == 0)
			buf_add_str(b, "\xef\xbf\xbd");
		else if (utf8_is_plain(c))
			buf_add(b, span_from(raw.p, n));
		else if (c < 0x10000)
			add_point(b, c);
		else {
			add_point(b, 0xd7c0 + (c >> 10));
			add_point(b, 0xdc00 + (c & 0x3ff));
		}
		raw = span_skip(raw, n == 0 ? 1 : n);
	}
}

void
json_add_decoded(struct buf *b, struct span raw)
{
	while (raw.n > 0) {
		size_t n = character(raw);
		uint8_t c;

		if (n == 0)
			return;
		if (raw.p[0] == '\\') {
			c = n == 2 ? raw.p[1] : (uint8_t)control_of(raw);
			buf_add(b, span_from(&c, 1));
		} else
			buf_add(b, span_from(raw.p, n));
		raw = span_skip(raw, n);
	}
}
