/* Reads a configuration file, walks its lines, and reports mistakes in it. */
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
#include "shared/buf.h"
#include "shared/file.h"
#include "shared/os/os.h"
#include "shared/utf8.h"

enum {
	window_chars = 160,	/* of a line shown at most */
	window_before = 100	/* of these before the caret */
};

const char *
conf_text_read(const char *path, struct conf_text *out)
{
	/* A FIFO would block the start for ever. */
	int fd = os_open_file(path, O_RDONLY | O_CLOEXEC | O_NOCTTY |
	    O_NONBLOCK);
	const char *why = NULL;
	struct stat st;
	ssize_t n = 0;

	*out = (struct conf_text){ .path = path,
	    .denied = fd == -1 && errno == EACCES };
	if (fd == -1)
		return out->denied ? privdrop_denial(path) : strerror(errno);
	if (fstat(fd, &st) == -1)
		why = strerror(errno);
	else if (S_ISDIR(st.st_mode))
		why = strerror(EISDIR);
	else if (!S_ISREG(st.st_mode))
		why = "not a regular file";
	else if (st.st_size > conf_text_max_bytes)
		why = "larger than 64M";
	/* One octet more, so that a file that grew meanwhile is noticed. */
	else if ((out->bytes = malloc((size_t)st.st_size + 1)) == NULL ||
	    (n = file_read(fd, out->bytes, (size_t)st.st_size + 1)) == -1)
		why = strerror(errno);
	else if (n > st.st_size)
		why = "the file changed while it was read";
	close(fd);
	out->mode = st.st_mode;
	out->n = n == -1 ? 0 : (size_t)n;
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
	if (rest->n == 0)
		return false;
	place->path = text->path;
	place->number++;
	place->line = span_cut(rest, '\n');
	place->shown_max = SIZE_MAX;
	return true;
}

size_t
conf_text_seek(const struct conf_text *text, struct conf_report *report,
    unsigned number, size_t word)
{
	struct span rest = span_from(text->bytes, text->n);
	struct conf_place *place = &report->place;
	struct conf_cut cut;

	*place = (struct conf_place){ .path = text->path };
	while (place->number < number && conf_text_next(text, &rest, place))
		;
	(void)conf_cut_line(place->line, &cut);
	/* The file may have changed since that word was read. */
	return word < cut.count ? cut.words[word].at : 0;
}

/* Writes the first character of in, escaped; returns its length in in. */
static size_t
show_char(struct span in, char out[17])
{
	struct buf b = buf_over(out, 17);
	size_t n = utf8_first(in);

	n = n == 0 ? 1 : n;
	buf_add_escaped(&b, span_from(in.p, n), "");
	(void)buf_str(&b);
	return n;
}

/* The column, from 1 and in characters, of an offset in a line. */
static size_t
column_of(struct span line, size_t at)
{
	size_t column = 1;
	char one[17];

	for (size_t i = 0; i < at && i < line.n; column++)
		i += show_char(span_skip(line, i), one);
	return column;
}

/*
 * Puts at most max characters of in, escaped, or (blank) blanks as wide, and
 * tabs; returns the rest.
 */
static struct span
put(FILE *f, struct span in, size_t max, bool blank)
{
	char one[17];

	for (; max > 0 && in.n > 0; max--) {
		const bool tab = in.p[0] == '\t';

		in = span_skip(in, show_char(in, one));
		if (tab)
			putc('\t', f);
		else if (blank)
			fprintf(f, "%*s", one[0] == '\\' ? (int)strlen(one) :
			    1, "");
		else
			fputs(one, f);
	}
	return in;
}

/* Puts the line and the caret; of a long line the part around the caret. */
static void
put_line(FILE *f, struct span line, size_t at)
{
	size_t column = column_of(line, at), skipped = 0;
	struct span from = line;
	char one[17];

	for (; column - skipped > window_before && from.n > 0; skipped++)
		from = span_skip(from, show_char(from, one));
	fputs(skipped > 0 ? "    ..." : "    ", f);
	line = put(f, from, window_chars, false);
	fputs(line.n > 0 ? "...\n" : "\n", f);
	fputs(skipped > 0 ? "       " : "    ", f);
	(void)put(f, from, column - skipped - 1, true);
	fputs("^\n", f);
}

bool
conf_report_at(struct conf_report *r, size_t at, const char *format, ...)
{
	const struct conf_place *place = &r->place;
	struct span shown = place->line;
	va_list ap;

	if (r->muted || r->count > conf_mistakes_max)
		return false;
	if (r->count++ == conf_mistakes_max) {
		fprintf(r->err, "more than %d mistakes; "
		    "the rest is not shown\n", conf_mistakes_max);
		return false;
	}
	(void)put(r->err, span_of(place->path), SIZE_MAX, false);
	if (place->number > 0)
		fprintf(r->err, ":%u:%zu", place->number,
		    column_of(place->line, at));
	fputs(": ", r->err);
	va_start(ap, format);
	vfprintf(r->err, format, ap);
	va_end(ap);
	putc('\n', r->err);
	if (shown.n > place->shown_max)
		shown.n = place->shown_max;
	if (place->number > 0)
		put_line(r->err, shown, at);
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
	if (!r->muted && r->count <= conf_mistakes_max)
		fprintf(r->err, "    did you mean \"%s\"?\n", hint);
}
