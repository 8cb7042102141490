/* Reads a configuration file, walks its lines, and reports mistakes in it. */
#include "server/conf/conf_parse.h"

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

enum {
	window_octets = 160,	/* of a line shown, about */
	window_before = 99	/* of these before the caret */
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

static bool
begins_character(uint8_t octet)
{
	return (octet & 0xc0) != 0x80;
}

static size_t
characters(struct span s)
{
	size_t count = 0;

	for (size_t i = 0; i < s.n; i++)
		count += begins_character(s.p[i]);
	return count;
}

/* Puts in, escaped, or (blank) blanks as wide; a tab stays one. */
static void
put(FILE *f, struct span in, bool blank)
{
	static uint8_t shown[conf_path_shown_bytes];

	while (in.n > 0) {
		struct buf b = buf_over(shown, sizeof(shown));
		struct span piece = span_cut(&in, '\t');

		buf_add_escaped(&b, piece, "");
		if (blank)
			fprintf(f, "%*s", (int)characters(buf_span(&b)), "");
		else
			fwrite(b.p, 1, b.n, f);
		if (in.p > piece.p + piece.n)
			putc('\t', f);
	}
}

/* Puts the line and the caret; of a long line the part around the caret. */
static void
put_line(FILE *f, struct span line, size_t at)
{
	size_t from = at > window_before ? at - window_before : 0, n;

	while (from > 0 && from < at && !begins_character(line.p[from]))
		from++;
	line = span_skip(line, from);
	n = line.n < window_octets ? line.n : window_octets;
	while (n < line.n && !begins_character(line.p[n]))
		n++;
	fputs(from > 0 ? "    ..." : "    ", f);
	put(f, span_from(line.p, n), false);
	fputs(n < line.n ? "...\n" : "\n", f);
	fputs(from > 0 ? "       " : "    ", f);
	put(f, span_from(line.p, at - from), true);
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
	put(r->err, span_of(place->path), false);
	if (place->number > 0)
		fprintf(r->err, ":%u:%zu", place->number,
		    characters(span_from(place->line.p, at)) + 1);
	fputs(": ", r->err);
	va_start(ap, format);
	vfprintf(r->err, format, ap);
	va_end(ap);
	putc('\n', r->err);
	if (shown.n > place->shown_max)
		shown.n = place->shown_max;
	if (place->number > 0)
		put_line(r->err, shown, at < shown.n ? at : shown.n);
	return false;
}

bool
conf_report_bad(struct conf_report *r, const struct conf_word *word,
    const char *what, const char *want)
{
	return conf_report_at(r, word->at, "bad %s \"%s\": %s", what,
	    conf_shown(word->text), want);
}

void
conf_report_hint(struct conf_report *r, const char *hint)
{
	if (!r->muted && r->count <= conf_mistakes_max)
		fprintf(r->err, "    did you mean \"%s\"?\n", hint);
}
