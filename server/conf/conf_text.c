/*
 * Reads a whole configuration file, walks its lines, and reports mistakes
 * found in it.  Knows no keyword.  Run by the master at start-up and upon
 * SIGHUP, and by smtpctl.
 */
#include "server/conf/conf_text.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/conf/privdrop.h"
#include "shared/file.h"
#include "shared/os/os.h"

enum {
	window_chars = 160,	/* of a line shown at most */
	window_before = 100	/* of these before the caret */
};

static const char *
read_all(int fd, size_t size, struct conf_text *out)
{
	ssize_t n;

	/* One octet more, so that a file that grew meanwhile is noticed. */
	out->bytes = malloc(size + 1);
	if (out->bytes == NULL)
		return strerror(errno);
	n = file_read(fd, out->bytes, size + 1);
	if (n == -1)
		return strerror(errno);
	out->n = (size_t)n;
	return out->n > size ? "it was changed while being read" : NULL;
}

static const char *
read_open(int fd, struct conf_text *out)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return strerror(errno);
	if (S_ISDIR(st.st_mode))
		return strerror(EISDIR);
	if (!S_ISREG(st.st_mode))
		return "not a regular file";
	if (st.st_size > conf_text_max_bytes)
		return "larger than 64M";
	return read_all(fd, (size_t)st.st_size, out);
}

const char *
conf_text_read(const char *path, struct conf_text *out)
{
	const char *why;
	int fd;

	memset(out, 0, sizeof(*out));
	out->path = path;
	/* A FIFO would block the start for ever. */
	fd = os_open_file(path, O_RDONLY | O_CLOEXEC | O_NOCTTY |
	    O_NONBLOCK);
	if (fd == -1)
		return errno == EACCES ? privdrop_denial(path) :
		    strerror(errno);
	why = read_open(fd, out);
	close(fd);
	if (why != NULL)
		conf_text_free(out);
	return why;
}

void
conf_text_free(struct conf_text *text)
{
	if (text->bytes != NULL)
		explicit_bzero(text->bytes, text->n);
	free(text->bytes);
	text->bytes = NULL;
	text->n = 0;
}

bool
conf_text_next(const struct conf_text *text, struct span *rest,
    struct conf_place *place)
{
	struct span line;

	if (!conf_parse_line(rest, &line))
		return false;
	place->path = text->path;
	place->number++;
	place->line = line;
	place->shown_max = SIZE_MAX;
	return true;
}

struct conf_place
conf_text_place(const struct conf_text *text, unsigned number)
{
	struct conf_place place = { 0 };
	struct span rest = span_from(text->bytes, text->n);

	while (place.number < number && conf_text_next(text, &rest, &place))
		;
	return place;
}

bool
conf_text_check(struct conf_report *report)
{
	size_t at;
	const char *why = conf_check_line(report->place.line, &at);

	return why == NULL || conf_report_at(report, at, "%s", why);
}

/* True when one more mistake may be shown. */
static bool
begin_mistake(struct conf_report *r)
{
	if (r->muted || r->full)
		return false;
	if (r->count == conf_mistakes_max) {
		r->full = true;
		fprintf(r->err, "more than %d mistakes; "
		    "the rest is not shown\n", conf_mistakes_max);
		return false;
	}
	r->count++;
	return true;
}

static void
put_escaped(FILE *f, struct span in)
{
	char one[17];

	while (in.n > 0) {
		in = span_skip(in, conf_show_char(in, one));
		fputs(one, f);
	}
}

/* Puts one character of the line, or blanks as wide, and steps over it. */
static struct span
put_char(FILE *f, struct span in, bool blank)
{
	char one[17];
	size_t taken;

	if (in.p[0] == '\t') {
		/* A tab is kept, so that the caret fits any tab width. */
		fputc('\t', f);
		return span_skip(in, 1);
	}
	taken = conf_show_char(in, one);
	if (!blank)
		fputs(one, f);
	else if (one[0] == '\\' && taken < strlen(one))
		fprintf(f, "%*s", (int)strlen(one), "");
	else
		fputc(' ', f);
	return span_skip(in, taken);
}

/* Puts the line and the caret; of a long line the part around the caret. */
static void
put_line(FILE *f, struct span line, size_t at)
{
	size_t column = conf_column(line, at), skipped = 0, left;
	struct span from = line;
	char one[17];

	for (; column - skipped > window_before && from.n > 0; skipped++)
		from = span_skip(from, conf_show_char(from, one));
	line = from;
	fputs(skipped > 0 ? "    ..." : "    ", f);
	for (left = window_chars; left > 0 && line.n > 0; left--)
		line = put_char(f, line, false);
	fputs(line.n > 0 ? "...\n" : "\n", f);
	fputs(skipped > 0 ? "       " : "    ", f);
	for (left = column - skipped; left > 1 && from.n > 0; left--)
		from = put_char(f, from, true);
	fputs("^\n", f);
}

static void report_at(struct conf_report *, const struct conf_place *, size_t,
    const char *, va_list) __attribute__((format(printf, 4, 0)));

static void
report_at(struct conf_report *r, const struct conf_place *place, size_t at,
    const char *format, va_list ap)
{
	struct span shown = place->line;

	if (!begin_mistake(r))
		return;
	put_escaped(r->err, span_of(place->path));
	fprintf(r->err, ":%u:%zu: ", place->number,
	    conf_column(place->line, at));
	vfprintf(r->err, format, ap);
	fputc('\n', r->err);
	if (shown.n > place->shown_max)
		shown.n = place->shown_max;
	put_line(r->err, shown, at);
}

bool
conf_report_at(struct conf_report *r, size_t at, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	report_at(r, &r->place, at, format, ap);
	va_end(ap);
	return false;
}

bool
conf_report_bad(struct conf_report *r, const struct conf_word *word,
    const char *what, const char *want)
{
	char shown[conf_shown_max_bytes];

	conf_show(word->text, shown, sizeof(shown));
	return conf_report_at(r, word->at, "bad %s \"%s\": %s", what, shown,
	    want);
}

void
conf_report_hint(struct conf_report *r, const char *hint)
{
	if (!r->muted && !r->full)
		fprintf(r->err, "    did you mean \"%s\"?\n", hint);
}

void
conf_report_word(struct conf_report *r, const struct conf_text *text,
    unsigned number, size_t word, const char *format, ...)
{
	struct conf_place place = conf_text_place(text, number);
	struct conf_cut cut;
	va_list ap;

	(void)conf_cut_line(place.line, &cut);
	va_start(ap, format);
	/* The file may have changed since that word was read. */
	report_at(r, &place, word < cut.count ? cut.words[word].at : 0,
	    format, ap);
	va_end(ap);
}

void
conf_report_file(struct conf_report *r, const char *path, const char *format,
    ...)
{
	va_list ap;

	if (!begin_mistake(r))
		return;
	put_escaped(r->err, span_of(path));
	fputs(": ", r->err);
	va_start(ap, format);
	vfprintf(r->err, format, ap);
	va_end(ap);
	fputc('\n', r->err);
}
