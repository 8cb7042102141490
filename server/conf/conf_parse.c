/* Lines into words, numbers, names, and text shown to a person.  Pure. */
#include "server/conf/conf_parse.h"

#include <string.h>

#include "shared/buf.h"

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
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

const char *
conf_check_line(struct span line, size_t *at)
{
	uint32_t c;

	if (line.n > conf_line_max_bytes) {
		*at = conf_line_max_bytes;
		return "a line of more than 4096 octets";
	}
	*at = 0;
	if (span_begins_fold(line, span_of("\xef\xbb\xbf")))
		return "a byte order mark: the file has to be UTF-8 without it";
	while (*at < line.n) {
		size_t taken = utf8_next(span_skip(line, *at), &c);

		if (taken == 0)
			return "not UTF-8";
		if (c == 0)
			return "a NUL octet";
		if (c == '\r' && *at + 1 == line.n)
			return "a carriage return: lines end with a line feed "
			    "alone";
		if (c != '\t' && (c < 0x20 || (c >= 0x7f && c < 0xa0)))
			return "a control character";
		*at += taken;
	}
	return NULL;
}

const char *
conf_cut_line(struct span line, struct conf_cut *out)
{
	struct span rest = line;
	const char *why;

	memset(out, 0, sizeof(*out));
	why = conf_check_line(line, &out->bad_at);
	for (; why == NULL; out->count++) {
		struct conf_word *word = &out->words[out->count];

		while (rest.n > 0 && is_blank(rest.p[0]))
			rest = span_skip(rest, 1);
		if (rest.n == 0 || rest.p[0] == '#' ||
		    out->count == conf_words_max)
			return NULL;
		word->at = out->bad_at = line.n - rest.n;
		word->quoted = rest.p[0] == '"';
		if (word->quoted) {
			rest = span_skip(rest, 1);
			word->text = take(&rest, "\"");
			if (rest.n == 0)
				return "a quote that is never closed";
			rest = span_skip(rest, 1);
		} else {
			word->text = take(&rest, " \t{}\"");
			if (word->text.n == 0) {
				word->text = span_from(rest.p, 1);
				rest = span_skip(rest, 1);
			}
		}
		out->end = line.n - rest.n;
		/* a"b, "a"b: one word here, two for others */
		if (rest.n > 0 && (word->quoted ?
		    memchr(" \t{}", rest.p[0], 4) == NULL :
		    rest.p[0] == '"')) {
			out->bad_at = out->end - word->quoted;
			return "a quote inside a word: quotes enclose a whole "
			    "word";
		}
	}
	return why;
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
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] == '#' && (i == 0 || is_blank(line.p[i - 1])))
			line.n = i;
	return trim(line);
}

void
conf_parse_user(struct span line, struct conf_user_line *out)
{
	memset(out, 0, sizeof(*out));
	out->name = take(&line, " \t:");
	if (line.n > 0 && line.p[0] == ':') {
		line = span_skip(line, 1);
		out->hash = take(&line, " \t:");
		if (line.n > 0 && line.p[0] == ':')
			line = span_skip(line, line.n);
	}
	out->rest = trim(line);
}

bool
conf_take_part(struct span *rest, char end, struct span *out)
{
	bool found = rest->n > 0 && memchr(rest->p, end, rest->n) != NULL;

	*out = trim(span_cut(rest, (uint8_t)end));
	return found;
}

const struct conf_unit conf_units_number[] = { { '\0', 1 } };
const struct conf_unit conf_units_size[] = { { 'G', 1024 * 1024 * 1024 },
    { 'M', 1024 * 1024 }, { 'K', 1024 }, { '\0', 1 } };
const struct conf_unit conf_units_time[] = { { 'd', 24 * 60 * 60 },
    { 'h', 60 * 60 }, { 'm', 60 }, { 's', 1 } };

bool
conf_parse_number(struct span in, const struct conf_unit *units, uint64_t *out)
{
	char last = in.n == 0 ? '\0' : (char)in.p[in.n - 1];
	uint64_t number;

	while (units->worth > 1 && units->letter != last)
		units++;
	if (last != '\0' && units->letter == last)
		in.n--;
	else
		units = conf_units_number;
	if (!span_number(in, &number))
		return false;
	*out = number > UINT64_MAX / units->worth ? UINT64_MAX :
	    number * units->worth;
	return true;
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

void
conf_show(struct span in, char *out, size_t room)
{
	static const char cut[] = "...";
	struct buf b = buf_over(out, room - 1);

	buf_add_escaped(&b, in, "");
	if (b.cut) {
		b = buf_over(out, room - sizeof(cut));
		buf_add_escaped(&b, in, "");
		memcpy(out + b.n, cut, sizeof(cut));
	} else {
		out[b.n] = '\0';
	}
}

const char *
conf_shown(struct span in)
{
	static char texts[4][conf_shown_max_bytes];
	static unsigned next;
	char *out = texts[next++ % 4];

	conf_show(in, out, conf_shown_max_bytes);
	return out;
}
