/* The files of the message log, in the order of their contents, untrusted. */
#include "server/log/log_message.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/array.h"

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
