/*
 * The language of smtpd.conf and its tables: numbers, names, the distance of
 * two words, and text shown to a person.  Declared in conf_parse.h.  Pure.
 */
#include "server/conf/conf_parse.h"

#include <string.h>

#include "shared/smtp_syntax.h"
#include "shared/utf8.h"

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool
is_alnum(uint8_t c)
{
	c = ascii_lower(c);
	return is_digit(c) || (c >= 'a' && c <= 'z');
}

enum conf_value
conf_parse_number(struct span in, uint64_t *out)
{
	enum conf_value verdict = CONF_VALUE_OK;
	uint64_t value = 0;

	if (in.n == 0)
		return CONF_VALUE_BAD;
	for (size_t i = 0; i < in.n; i++) {
		uint64_t digit = (uint64_t)(in.p[i] - '0');

		if (!is_digit(in.p[i]))
			return CONF_VALUE_BAD;
		if (value > (UINT64_MAX - digit) / 10)
			verdict = CONF_VALUE_LARGE;
		else
			value = value * 10 + digit;
	}
	*out = value;
	return verdict;
}

/* A number whose last octet may be one of units; worth[i] is what it means. */
static enum conf_value
parse_unit(struct span in, const char *units, const uint64_t *worth,
    uint64_t *out)
{
	enum conf_value verdict;
	uint64_t factor = 1;

	if (in.n > 0 && !is_digit(in.p[in.n - 1]) && in.p[in.n - 1] != 0) {
		const char *unit = strchr(units, in.p[in.n - 1]);

		if (unit == NULL)
			return CONF_VALUE_BAD;
		factor = worth[unit - units];
		in.n--;
	}
	verdict = conf_parse_number(in, out);
	if (verdict != CONF_VALUE_OK)
		return verdict;
	if (*out > UINT64_MAX / factor)
		return CONF_VALUE_LARGE;
	*out *= factor;
	return CONF_VALUE_OK;
}

enum conf_value
conf_parse_size(struct span in, uint64_t *out)
{
	static const uint64_t worth[] = { 1024, 1024 * 1024,
	    1024 * 1024 * 1024 };

	return parse_unit(in, "KMG", worth, out);
}

enum conf_value
conf_parse_time(struct span in, uint64_t *out)
{
	static const uint64_t worth[] = { 1, 60, 60 * 60, 24 * 60 * 60 };

	return parse_unit(in, "smhd", worth, out);
}

enum conf_value
conf_parse_port(struct span in, uint16_t *out)
{
	uint64_t value;
	enum conf_value verdict;

	verdict = conf_parse_number(in, &value);
	if (verdict != CONF_VALUE_OK)
		return verdict;
	if (value > UINT16_MAX)
		return CONF_VALUE_LARGE;
	*out = (uint16_t)value;
	return CONF_VALUE_OK;
}

bool
conf_is_visible(struct span in, bool utf8_ok)
{
	size_t taken;
	uint32_t c;

	for (size_t i = 0; i < in.n; i += taken) {
		taken = utf8_next(span_skip(in, i), &c);
		if (taken == 0 || (taken > 1 && !utf8_ok) ||
		    !utf8_is_plain(c))
			return false;
	}
	return true;
}

bool
conf_domain_valid(struct span in, bool utf8_ok)
{
	return in.n <= conf_domain_max_bytes && smtp_domain_valid(in) &&
	    conf_is_visible(in, utf8_ok);
}

bool
conf_account_valid(struct span in)
{
	if (in.n == 0 || in.n > 32 || in.p[0] == '-' || in.p[0] == '.')
		return false;
	for (size_t i = 0; i < in.n; i++)
		if (!is_alnum(in.p[i]) && in.p[i] != '-' &&
		    in.p[i] != '_' && in.p[i] != '.')
			return false;
	return true;
}

bool
conf_name_is_file(struct span in)
{
	return in.n > 0 && in.p[0] != '.' &&
	    memchr(in.p, '/', in.n) == NULL && conf_is_visible(in, true);
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* One row of the table of distances; the rows before it are given. */
static void
distance_row(struct span a, struct span b, size_t i,
    size_t rows[3][conf_near_max_bytes + 1])
{
	size_t *now = rows[i % 3];
	const size_t *last = rows[(i + 2) % 3], *older = rows[(i + 1) % 3];

	now[0] = i;
	for (size_t j = 1; j <= b.n; j++) {
		uint8_t x = ascii_lower(a.p[i - 1]);
		uint8_t y = ascii_lower(b.p[j - 1]);

		now[j] = least(last[j - 1] + (x != y),
		    least(last[j], now[j - 1]) + 1);
		if (i > 1 && j > 1 && x == ascii_lower(b.p[j - 2]) &&
		    y == ascii_lower(a.p[i - 2]))
			now[j] = least(now[j], older[j - 2] + 1);
	}
}

size_t
conf_distance(struct span a, struct span b)
{
	size_t rows[3][conf_near_max_bytes + 1];

	if (a.n > conf_near_max_bytes || b.n > conf_near_max_bytes)
		return SIZE_MAX;
	memset(rows, 0, sizeof(rows));
	for (size_t j = 0; j <= b.n; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a.n; i++)
		distance_row(a, b, i, rows);
	return rows[a.n % 3][b.n];
}

size_t
conf_column(struct span line, size_t at)
{
	size_t column = 1, taken;
	uint32_t c;

	for (size_t i = 0; i < at && i < line.n; i += taken) {
		taken = utf8_next(span_skip(line, i), &c);
		if (taken == 0)
			taken = 1;
		column++;
	}
	return column;
}

size_t
conf_show_char(struct span in, char out[17])
{
	static const char hex[] = "0123456789abcdef";
	size_t taken, length = 0;
	uint32_t c = 0;

	taken = utf8_next(in, &c);
	if (taken > 0 && utf8_is_plain(c)) {
		memcpy(out, in.p, taken);
		out[taken] = '\0';
		return taken;
	}
	if (taken == 0)
		taken = 1;
	for (size_t i = 0; i < taken; i++) {
		out[length++] = '\\';
		out[length++] = 'x';
		out[length++] = hex[in.p[i] >> 4];
		out[length++] = hex[in.p[i] & 15];
	}
	out[length] = '\0';
	return taken;
}

void
conf_show(struct span in, char *out, size_t room)
{
	static const char cut[] = "...";
	char one[17];
	size_t length = 0, kept = 0, n;

	while (in.n > 0) {
		in = span_skip(in, conf_show_char(in, one));
		n = strlen(one);
		if (length + n + 1 > room) {
			memcpy(out + kept, cut, sizeof(cut));
			return;
		}
		memcpy(out + length, one, n);
		length += n;
		/* As far as this the dots would still fit. */
		if (length + sizeof(cut) <= room)
			kept = length;
	}
	out[length] = '\0';
}
