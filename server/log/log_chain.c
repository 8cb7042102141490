/* The chain of the message log, and its files, which are not trusted. */
#include "server/log/log_message.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/log.h"

enum { hex_bytes = 2 * log_hash_bytes + 1 };

static void
set_time(struct log_point *p, struct span time)
{
	memset(p->time, 0, sizeof(p->time));
	memcpy(p->time, time.p, time.n < sizeof(p->time) ? time.n : 0);
}

static struct span
hex_of(const struct log_point *p, char out[hex_bytes])
{
	sodium_bin2hex(out, hex_bytes, p->hash, sizeof(p->hash));
	return span_of(out);
}

void
log_chain_add(struct log_point *last, struct span time, struct span body,
    struct buf *out)
{
	char hex[hex_bytes];
	struct log_record r = { .time = time, .n = last->n + 1,
	    .previous = hex_of(last, hex) };
	size_t at = out->n;

	log_record_write(&r, body, out);
	if (out->cut)
		bug("a line of the message log is longer than its bounds");
	last->n = r.n;
	set_time(last, time);
	crypto_generichash(last->hash, sizeof(last->hash), out->p + at,
	    out->n - at - 1, NULL, 0);
}

void
log_chain_point(struct span line, struct log_record *r, struct log_point *out)
{
	memset(out, 0, sizeof(*out));
	crypto_generichash(out->hash, sizeof(out->hash), line.p, line.n, NULL,
	    0);
	if (!log_record_read(line, r))
		return;
	out->n = r->n;
	set_time(out, r->time);
}

static bool
follows(const struct log_record *r, const struct log_point *p)
{
	char hex[hex_bytes];

	return span_equal(r->previous, hex_of(p, hex));
}

static bool __attribute__((format(printf, 2, 3)))
fault(char why[log_chain_why_bytes], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, log_chain_why_bytes, fmt, ap);
	va_end(ap);
	return false;
}

/* Is this line 1 of the log, or the first one of a later file? */
static bool
judge_first(struct log_chain *c, const struct log_record *r,
    char why[log_chain_why_bytes])
{
	bool first = follows(r, &(struct log_point){ .n = 0 });

	c->from_start = first && r->n == 1;
	if (first != (r->n == 1))
		return fault(why, "its number %" PRIu64 " is forged, for its "
		    "hash is %sthat of a first line", r->n, first ? "" :
		    "not ");
	/* A strange line before it was reported already. */
	return first || r->event == LOG_EVENT_OPEN || c->strange > 0 ||
	    fault(why, "this is number %" PRIu64 ", which begins no file: the "
	    "lines before it were cut off", r->n);
}

static bool
judge(struct log_chain *c, const struct log_record *r, const char *before,
    char why[log_chain_why_bytes])
{
	uint64_t want = c->last.n + 1 + c->strange;

	if (follows(r, &c->last))
		return r->n == want || c->strange > 0 || fault(why, "its "
		    "number %" PRIu64 " is forged, for its hash follows "
		    "number %" PRIu64, r->n, c->last.n);
	if (c->aside.n != 0 && r->n == c->aside.n + 1 && follows(r, &c->aside))
		return true;
	if (r->n <= c->last.n) {
		c->taken = false;
		return fault(why, "out of order: number %" PRIu64 " stands "
		    "behind number %" PRIu64, r->n, c->last.n);
	}
	if (r->n > want)
		return fault(why, "%" PRIu64 " %s missing before it: this is "
		    "number %" PRIu64 ", and %s is number %" PRIu64,
		    r->n - want, r->n - want == 1 ? "line is" : "lines are",
		    r->n, before, c->last.n);
	/* The change of the strange line was reported already. */
	return c->strange > 0 || fault(why, "does not follow the previous "
	    "line: %s was changed, or this one was inserted", before);
}

bool
log_chain_feed(struct log_chain *c, struct span line, const char *before,
    char why[log_chain_why_bytes])
{
	struct log_record r;
	struct log_point p;
	bool fine;

	log_chain_point(line, &r, &p);
	c->taken = p.n != 0;
	if (!c->taken) {
		c->strange++;
		memcpy(c->last.hash, p.hash, sizeof(p.hash));
		return fault(why, "not a line that smtpd writes");
	}
	fine = c->begun ? judge(c, &r, before, why) : judge_first(c, &r, why);
	if (!c->taken) {
		c->aside = p;
		return fine;
	}
	if (!c->begun)
		c->first = p;
	c->begun = true;
	c->last = p;
	c->strange = 0;
	c->aside.n = 0;
	return fine;
}

struct checkpoint {
	struct span	time;
	uint64_t	n;
	struct span	hash;		/* in hex */
};

static const struct json_field form[] = {
	{ JSON_TEXT, "{\"time\":", offsetof(struct checkpoint, time), NULL },
	{ JSON_NUMBER, ",\"event\":\"checkpoint\",\"n\":",
	    offsetof(struct checkpoint, n), NULL },
	{ JSON_TEXT, ",\"hash\":", offsetof(struct checkpoint, hash), NULL },
	{ JSON_END, "}", 0, NULL }
};

void
log_chain_write_checkpoint(const struct log_point *p, struct buf *out)
{
	char hex[hex_bytes];

	json_write(form, &(struct checkpoint){ .time = span_of(p->time),
	    .n = p->n, .hash = hex_of(p, hex) }, out);
	buf_add_str(out, "\n");
}

bool
log_chain_read_checkpoint(struct span line, struct log_point *out)
{
	struct checkpoint c;

	memset(out, 0, sizeof(*out));
	if (!json_read(line, form, &c) || c.n == 0 ||
	    !log_record_is_time(c.time) || !log_record_is_hash(c.hash))
		return false;
	out->n = c.n;
	set_time(out, c.time);
	return sodium_hex2bin(out->hash, sizeof(out->hash),
	    (const char *)c.hash.p, c.hash.n, NULL, NULL, NULL) == 0;
}

/* ---- the files, in the order of their contents --------------------------- */

static bool
is_compressed(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot != NULL && (strcmp(dot, ".gz") == 0 ||
	    strcmp(dot, ".xz") == 0 || strcmp(dot, ".bz2") == 0 ||
	    strcmp(dot, ".zst") == 0);
}

/* Anything but a regular file has no first line. */
static uint64_t
first_number(int at, const char *path)
{
	static struct log_lines lines;
	struct log_record r = { .n = 0 };
	struct span line;

	if (log_lines_open(&lines, at, path) == -1)
		return 0;
	if (log_lines_next(&lines, &line) != 1 || !lines.whole ||
	    !log_record_read(line, &r))
		r.n = 0;
	fclose(lines.f);
	return r.n;
}

/* Files of unknown order (0) go first; among equals "message" goes last. */
static int
compare(const void *a, const void *b)
{
	const struct log_file_found *x = a, *y = b;
	size_t n = strlen(x->path), m = strlen(y->path);

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	if (n != m)
		return n > m ? -1 : 1;
	return strcmp(x->path, y->path);
}

int
log_files_find(int at, const char *path, struct log_files *out)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	struct log_file_found f;
	struct dirent *e;

	memset(out, 0, sizeof(*out));
	if (d == NULL)
		return -1;
	while ((e = readdir(d)) != NULL) {
		if (strncmp(e->d_name, "message", 7) != 0 ||
		    memchr(".-", e->d_name[7], 3) == NULL)
			continue;
		if (is_compressed(e->d_name)) {
			out->compressed++;
			continue;
		}
		snprintf(f.path, sizeof(f.path), "%s/%s", path, e->d_name);
		/* smtpd gives "message.20261122T000000Z", logrotate
		 * "message.1" or "message-20261122". */
		f.strange = e->d_name[strspn(e->d_name, "0123456789-._"
		    "abcdefghijklmnopqrstuvwxyz"
		    "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] != '\0';
		f.first = f.strange ? 0 : first_number(at, f.path);
		if (array_add(&out->files, &out->count, &f, sizeof(f)) == NULL)
			break;
	}
	closedir(d);
	if (e == NULL && out->count > 0)
		qsort(out->files, out->count, sizeof(*out->files), compare);
	return e == NULL ? 0 : -1;
}

/* The offset behind the last LF before at, over any number of NULs; 0; -1. */
static off_t
find_line_end(int fd, off_t at)
{
	char chunk[4096];

	while (at > 0) {
		size_t want = at < (off_t)sizeof(chunk) ? (size_t)at :
		    sizeof(chunk);

		if (pread(fd, chunk, want, at - (off_t)want) != (ssize_t)want)
			return -1;
		for (; want > 0; want--, at--)
			if (chunk[want - 1] == '\n')
				return at;
	}
	return 0;
}

int
log_files_last(int fd, struct log_point *out, off_t *end)
{
	static uint8_t line[log_line_bytes];
	struct log_record r;
	struct stat st;
	off_t start;
	size_t n;

	memset(out, 0, sizeof(*out));
	if (fstat(fd, &st) == -1)
		return -1;
	*end = find_line_end(fd, st.st_size);
	if (*end <= 0)
		return (int)*end;
	start = find_line_end(fd, *end - 1);
	if (start == -1)
		return -1;
	/* A line that is too long is cut, and so none of smtpd's. */
	n = (size_t)(*end - 1 - start);
	if (n > sizeof(line))
		n = sizeof(line);
	if (pread(fd, line, n, start) != (ssize_t)n)
		return -1;
	log_chain_point(span_from(line, n), &r, out);
	return 0;
}

int
log_lines_open(struct log_lines *l, int at, const char *path)
{
	int fd = openat(at, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
	    O_CLOEXEC);
	struct stat st;

	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return log_lines_begin(l, fdopen(fd, "r"));
	close(fd);
	errno = EINVAL;
	return -1;
}

int
log_lines_begin(struct log_lines *l, FILE *f)
{
	l->f = f;
	l->number = 0;
	l->whole = true;
	return f == NULL ? -1 : 0;
}

int
log_lines_next(struct log_lines *l, struct span *out)
{
	size_t n = 0;
	int c;

	while ((c = getc_unlocked(l->f)) != EOF && c != '\n')
		if (n < sizeof(l->line))
			l->line[n++] = (uint8_t)c;
	if (c == EOF && ferror(l->f))
		return -1;
	if (c == EOF && n == 0)
		return 0;
	l->number++;
	l->whole = c == '\n' && n < sizeof(l->line);
	*out = span_from(l->line, n);
	return 1;
}
