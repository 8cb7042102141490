/*
 * Finding the files of the message log.  Their order follows from what is in
 * them, so it does not matter who rotated them and how they are named.
 */
#include "server/log/log_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/log/log_record.h"
#include "shared/array.h"

static bool
ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n > m && strcmp(name + n - m, end) == 0;
}

static bool
is_compressed(const char *name)
{
	return ends_with(name, ".gz") || ends_with(name, ".xz") ||
	    ends_with(name, ".bz2") || ends_with(name, ".zst");
}

/* By smtpd "message.20261122T000000Z", by logrotate "message.1", "-2026". */
static bool
is_given(const char *name)
{
	return name[strspn(name, "0123456789-._abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0';
}

static uint64_t
first_number(const char *path)
{
	static uint8_t text[log_line_bytes];
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct log_record r;
	const uint8_t *lf;
	ssize_t n;

	if (fd == -1)
		return 0;
	n = read(fd, text, sizeof(text));
	close(fd);
	lf = n <= 0 ? NULL : memchr(text, '\n', (size_t)n);
	if (lf == NULL ||
	    !log_record_read(span_from(text, (size_t)(lf - text)), &r))
		return 0;
	return r.n;
}

static int
add(struct log_files *f, const char *dir, const char *name)
{
	struct log_file_found *grown;

	grown = array_grow(f->files, f->count, sizeof(*grown));
	if (grown == NULL)
		return -1;
	f->files = grown;
	grown += f->count++;
	snprintf(grown->path, sizeof(grown->path), "%s/%s", dir, name);
	grown->strange = !is_given(name);
	grown->first = grown->strange ? 0 : first_number(grown->path);
	return 0;
}

/* What cannot be told goes first, and "message" among equals last. */
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
log_files_find(const char *root, struct log_files *out, char what[PATH_MAX])
{
	struct dirent *e;
	int result = 0;
	DIR *d;

	memset(out, 0, sizeof(*out));
	snprintf(what, PATH_MAX, "%s/log", root);
	d = opendir(what);
	if (d == NULL)
		return -1;
	while (result == 0 && (e = readdir(d)) != NULL) {
		if (strncmp(e->d_name, "message", 7) != 0 ||
		    memchr(".-", e->d_name[7], 3) == NULL)
			continue;
		if (is_compressed(e->d_name))
			out->compressed++;
		else
			result = add(out, what, e->d_name);
	}
	closedir(d);
	if (out->count > 0)
		qsort(out->files, out->count, sizeof(*out->files), compare);
	return result;
}

void
log_files_free(struct log_files *f)
{
	free(f->files);
	memset(f, 0, sizeof(*f));
}
