/*
 * The syntax of smtpd.conf and its tables: lines into words, numbers, names,
 * the distance of two words, and text shown to a person.  Pure.
 */
#include "server/conf/conf_parse.h"

#include <string.h>

#include "shared/smtp_syntax.h"
#include "shared/utf8.h"

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static bool
is_brace(uint8_t c)
{
	return c == '{' || c == '}';
}

/* Takes the octets before the first one that is in ends off *in. */
static struct span
take(struct span *in, const char *ends)
{
	struct span taken = span_from(in->p, 0);

	while (taken.n < in->n &&
	    memchr(ends, in->p[taken.n], strlen(ends)) == NULL)
		taken.n++;
	*in = span_skip(*in, taken.n);
	return taken;
}

bool
conf_parse_line(struct span *rest, struct span *line)
{
	if (rest->n == 0)
		return false;
	*line = span_cut(rest, '\n');
	return true;
}

/* Checks the first character of in, which is the rest of a line. */
static const char *
check_char(struct span in, size_t *taken)
{
	uint32_t c;

	*taken = utf8_next(in, &c);
	if (*taken == 0)
		return "not UTF-8";
	if (c == 0)
		return "a NUL octet";
	if (c == '\r' && in.n == 1)
		return "a carriage return: lines end with a line feed alone";
	if (c != '\t' && (c < 0x20 || (c >= 0x7f && c < 0xa0)))
		return "a control character";
	return NULL;
}

const char *
conf_check_line(struct span line, size_t *at)
{
	const char *why;
	size_t taken;

	if (line.n > conf_line_max_bytes) {
		*at = conf_line_max_bytes;
		return "a line of more than 4096 octets";
	}
	*at = 0;
	if (span_begins_fold(line, span_of("\xef\xbb\xbf")))
		return "a byte order mark: the file has to be UTF-8 without it";
	for (; *at < line.n; *at += taken) {
		why = check_char(span_skip(line, *at), &taken);
		if (why != NULL)
			return why;
	}
	return NULL;
}

static const char a_quote_inside[] =
    "a quote inside a word: quotes go around the whole of it";

/* The quoted word that begins at *at; *at moves behind its last quote. */
static const char *
cut_quoted(struct span line, size_t *at, struct conf_word *out)
{
	size_t first = *at + 1;
	const uint8_t *end = NULL;

	if (first < line.n)
		end = memchr(line.p + first, '"', line.n - first);
	if (end == NULL)
		return "a quote that is never closed";
	out->text = span_from(line.p + first,
	    (size_t)(end - line.p) - first);
	out->at = *at;
	out->quoted = true;
	*at = (size_t)(end - line.p) + 1;
	return NULL;
}

/* The word without quotes that begins at *at; *at moves behind it. */
static void
cut_plain(struct span line, size_t *at, struct conf_word *out)
{
	struct span rest = span_skip(line, *at);

	out->text = is_brace(line.p[*at]) ? span_from(rest.p, 1) :
	    take(&rest, " \t{}\"");
	out->at = *at;
	out->quoted = false;
	*at += out->text.n;
}

static const char *
cut_word(struct span line, size_t *at, struct conf_word *out)
{
	const char *why;

	if (line.p[*at] != '"') {
		cut_plain(line, at, out);
		/* a"b: the quote would begin another word, unnoticed */
		return *at < line.n && line.p[*at] == '"' ? a_quote_inside :
		    NULL;
	}
	why = cut_quoted(line, at, out);
	if (why != NULL)
		return why;
	if (*at < line.n && !is_blank(line.p[*at]) && !is_brace(line.p[*at])) {
		(*at)--;
		return a_quote_inside;
	}
	return NULL;
}

const char *
conf_cut_line(struct span line, struct conf_cut *out)
{
	const char *why;
	size_t at = 0;

	memset(out, 0, sizeof(*out));
	for (;;) {
		while (at < line.n && is_blank(line.p[at]))
			at++;
		if (at == line.n || line.p[at] == '#' ||
		    out->count == conf_words_max)
			return NULL;
		out->bad_at = at;
		why = cut_word(line, &at, &out->words[out->count]);
		if (why == a_quote_inside)
			out->bad_at = at;
		if (why != NULL)
			return why;
		out->count++;
		out->end = at;
	}
}

bool
conf_word_is_brace(const struct conf_word *word, char brace)
{
	return !word->quoted && word->text.n == 1 &&
	    word->text.p[0] == (uint8_t)brace;
}

static struct span
trim(struct span in)
{
	while (in.n > 0 && is_blank(in.p[0]))
		in = span_skip(in, 1);
	while (in.n > 0 && is_blank(in.p[in.n - 1]))
		in.n--;
	return in;
}

struct span
conf_trim_line(struct span line)
{
	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] != '#')
			continue;
		if (i == 0 || is_blank(line.p[i - 1])) {
			line.n = i;
			break;
		}
	}
	return trim(line);
}

void
conf_parse_user(struct span line, struct conf_user_line *out)
{
	memset(out, 0, sizeof(*out));
	out->name = take(&line, " \t:");
	out->has_hash = line.n > 0 && line.p[0] == ':';
	if (out->has_hash) {
		line = span_skip(line, 1);
		out->hash = take(&line, " \t:");
		if (line.n > 0 && line.p[0] == ':')
			line = span_skip(line, line.n);
	}
	out->rest = trim(line);
}

void
conf_parse_alias(struct span line, struct conf_alias_line *out)
{
	out->name = trim(take(&line, ":"));
	out->has_colon = line.n > 0;
	/* From the colon on, so that even an empty list has an offset. */
	out->targets = line;
}

bool
conf_parse_target(struct span *rest, struct span *target)
{
	/* rest begins with the colon or comma before the target. */
	if (rest->n == 0)
		return false;
	*rest = span_skip(*rest, 1);
	*target = trim(take(rest, ","));
	return true;
}

const struct conf_unit conf_units_none[] = { { '\0', 1 } };
const struct conf_unit conf_units_size[] = { { 'G', 1024 * 1024 * 1024 },
    { 'M', 1024 * 1024 }, { 'K', 1024 }, { '\0', 1 } };
const struct conf_unit conf_units_time[] = { { 'd', 24 * 60 * 60 },
    { 'h', 60 * 60 }, { 'm', 60 }, { 's', 1 } };

enum conf_value
conf_parse_number(struct span in, const struct conf_unit *units, uint64_t *out)
{
	enum conf_value verdict = CONF_VALUE_OK;
	uint64_t number = 0;
	char last = in.n == 0 ? '\0' : (char)in.p[in.n - 1];

	while (units->worth > 1 && units->letter != last)
		units++;
	if (last != '\0' && units->letter == last)
		in.n--;
	if (in.n == 0)
		return CONF_VALUE_BAD;
	for (size_t i = 0; i < in.n; i++) {
		uint64_t digit = (uint64_t)(in.p[i] - '0');

		if (!ascii_is_digit(in.p[i]))
			return CONF_VALUE_BAD;
		if (number > (UINT64_MAX - digit) / 10)
			verdict = CONF_VALUE_LARGE;
		else
			number = number * 10 + digit;
	}
	/* Digits alone have the unit of worth 1. */
	if (last != units->letter)
		units = conf_units_none;
	if (number > UINT64_MAX / units->worth)
		verdict = CONF_VALUE_LARGE;
	else
		*out = number * units->worth;
	return verdict;
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
		if (!ascii_is_alnum(in.p[i]) && in.p[i] != '-' &&
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

/* Row i of the table of distances, from the previous two rows. */
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
		/* Behind these octets the dots would still fit. */
		if (length + sizeof(cut) <= room)
			kept = length;
	}
	out[length] = '\0';
}
