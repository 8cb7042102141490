/*
 * Lines for a terminal.  How they get there is not known here.
 */
#include "server/smtpctl_screen.h"

#include <stdio.h>
#include <string.h>

#include "shared/utf8.h"

enum { rows_usual = 24, columns_usual = 80, format_bytes = 2000 };

static size_t
at_most(size_t n, size_t usual, size_t max)
{
	if (n == 0)
		return usual;
	return n < max ? n : max;
}

void
smtpctl_screen_begin(struct smtpctl_screen *s, size_t rows, size_t columns)
{
	s->rows = at_most(rows, rows_usual, smtpctl_rows_max);
	s->columns = at_most(columns, columns_usual, smtpctl_columns_max);
	s->used = 0;
}

size_t
smtpctl_screen_left(const struct smtpctl_screen *s)
{
	return s->rows - s->used;
}

/*
 * Puts what there is room for; what is left of text.  Every character becomes
 * one column: so columns are counted by octets.
 */
static struct span
put(const struct smtpctl_screen *s, struct smtpctl_line *line,
    enum smtpctl_style style, struct span text)
{
	size_t n = 0, octets;

	line->style = style;
	while (text.n > 0 && n < s->columns) {
		octets = utf8_first(text);
		line->text[n++] = octets == 1 && text.p[0] >= 0x20 &&
		    text.p[0] < 0x7f ? (char)text.p[0] : '?';
		text = span_skip(text, octets == 0 ? 1 : octets);
	}
	line->text[n] = '\0';
	return text;
}

void
smtpctl_screen_add(struct smtpctl_screen *s, enum smtpctl_style style,
    const char *format, ...)
{
	char text[format_bytes];
	va_list ap;

	if (smtpctl_screen_left(s) == 0)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	put(s, &s->lines[s->used++], style, span_of(text));
}

void
smtpctl_screen_foot(struct smtpctl_screen *s, enum smtpctl_style style,
    size_t max, const char *text)
{
	struct smtpctl_line unused;
	struct span rest = span_of(text);
	size_t rows = 0;

	do
		rest = put(s, &unused, style, rest);
	while (++rows < max && rows < s->rows && rest.n > 0);
	while (smtpctl_screen_left(s) > 0)
		put(s, &s->lines[s->used++], STYLE_PLAIN, span_of(""));
	rest = span_of(text);
	for (size_t i = s->rows - rows; i < s->rows; i++)
		rest = put(s, &s->lines[i], style, rest);
}

void
smtpctl_screen_bar(unsigned long long part, unsigned long long whole,
    size_t cells, char *out)
{
	size_t full = 0;

	if (whole > 0)
		full = (size_t)((double)(part < whole ? part : whole) /
		    (double)whole * (double)cells);
	if (full == 0 && part > 0)
		full = 1;
	out[0] = '[';
	memset(out + 1, '#', full);
	memset(out + 1 + full, ' ', cells - full);
	out[cells + 1] = ']';
	out[cells + 2] = '\0';
}
