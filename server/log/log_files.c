/*
 * Finding the files of the message log.  Their contents give the order, so it
 * does not matter which program rotated and named them.
 */
#include "server/log/log_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/log/log_record.h"

static bool
is_compressed(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot != NULL && (strcmp(dot, ".gz") == 0 ||
	    strcmp(dot, ".xz") == 0 || strcmp(dot, ".bz2") == 0 ||
	    strcmp(dot, ".zst") == 0);
}

/* smtpd gives "message.20261122T000000Z", logrotate "message.1", "-2026". */
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

static int
is_of_log(const struct dirent *e)
{
	return strncmp(e->d_name, "message", 7) == 0 &&
	    memchr(".-", e->d_name[7], 3) != NULL;
}

static void
describe(struct log_file_found *f, const char *dir, const char *name)
{
	snprintf(f->path, sizeof(f->path), "%s/%s", dir, name);
	f->strange = !is_given(name);
	f->first = f->strange ? 0 : first_number(f->path);
}

int
log_files_find(const char *root, struct log_files *out, char what[PATH_MAX])
{
	struct dirent **found;
	int n;

	memset(out, 0, sizeof(*out));
	snprintf(what, PATH_MAX, "%s/log", root);
	n = scandir(what, &found, is_of_log, NULL);
	if (n == -1)
		return -1;
	out->files = calloc((size_t)n + 1, sizeof(*out->files));
	for (int i = 0; i < n; i++) {
		const char *name = found[i]->d_name;

		if (is_compressed(name))
			out->compressed++;
		else if (out->files != NULL)
			describe(&out->files[out->count++], what, name);
		free(found[i]);
	}
	free(found);
	if (out->files == NULL)
		return -1;
	qsort(out->files, out->count, sizeof(*out->files), compare);
	return 0;
}

void
log_files_free(struct log_files *f)
{
	free(f->files);
	memset(f, 0, sizeof(*f));
}
