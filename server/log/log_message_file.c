/*
 * What the message log finds at start.  Nothing here trusts what it reads:
 * a disk may have lost any part of a file.
 */
#include "server/log/log_message_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Moves the octets of fd from start on to a new file in bad. */
static int
put_tail_aside(int fd, int bad, off_t start)
{
	char chunk[4096], name[64];
	ssize_t n;
	int out;

	snprintf(name, sizeof(name), "log-message-tail.%lld",
	    (long long)time(NULL));
	out = openat(bad, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
	    0600);
	if (out == -1)
		return -1;
	for (off_t at = start; (n = pread(fd, chunk, sizeof(chunk), at)) > 0;
	    at += n)
		if (write(out, chunk, (size_t)n) != n) {
			n = -1;
			break;
		}
	if (n == -1 || fsync(out) == -1) {
		close(out);
		return -1;
	}
	close(out);
	return ftruncate(fd, start);
}

/*
 * The offset behind the last LF before at; 0 when there is none; -1 and errno.
 * Looks back as far as it has to: a file system may leave any number of NULs
 * behind the last line.
 */
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

/*
 * Reads the line that ends, its LF included, at end.  A line longer than
 * log_line_bytes is cut, and strange.
 */
static int
read_line(int fd, off_t end, struct log_link *out, bool *strange)
{
	static uint8_t line[log_line_bytes];
	off_t start = find_line_end(fd, end - 1);
	struct log_record r;
	size_t n;

	if (start == -1)
		return -1;
	n = (size_t)(end - 1 - start);
	if (n > sizeof(line))
		n = sizeof(line);
	if (pread(fd, line, n, start) != (ssize_t)n)
		return -1;
	*strange = !log_record_read(span_from(line, n), &r);
	out->n = *strange ? 0 : r.n;
	crypto_generichash(out->hash, sizeof(out->hash), line, n, NULL, 0);
	return 0;
}

int
log_message_last(int fd, int bad, struct log_link *out, bool *torn,
    bool *strange)
{
	struct stat st;
	off_t end;

	memset(out, 0, sizeof(*out));
	*strange = false;
	if (fstat(fd, &st) == -1)
		return -1;
	end = find_line_end(fd, st.st_size);
	if (end == -1)
		return -1;
	if (end != st.st_size) {
		*torn = true;
		if (put_tail_aside(fd, bad, end) == -1)
			return -1;
	}
	return end == 0 ? 0 : read_line(fd, end, out, strange);
}

/* A file that cannot be read has no line: it may be compressed. */
static void
look_at(int dir, const char *name, struct log_link *out)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
	    O_CLOEXEC);
	bool strange;
	struct stat st;
	off_t end;

	memset(out, 0, sizeof(*out));
	if (fd == -1)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		end = find_line_end(fd, st.st_size);
		if (end > 0 && read_line(fd, end, out, &strange) == -1)
			out->n = 0;
	}
	close(fd);
}

int
log_message_newest(int dir, struct log_link *out, char *name,
    size_t name_bytes)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct log_link one;
	struct dirent *e;
	DIR *d = copy == -1 ? NULL : fdopendir(copy);

	memset(out, 0, sizeof(*out));
	name[0] = '\0';
	if (d == NULL)
		return -1;
	while ((e = readdir(d)) != NULL) {
		if (strncmp(e->d_name, "message", 7) != 0 ||
		    (e->d_name[7] != '.' && e->d_name[7] != '-'))
			continue;
		look_at(dir, e->d_name, &one);
		if (one.n <= out->n)
			continue;
		*out = one;
		snprintf(name, name_bytes, "%s", e->d_name);
	}
	closedir(d);
	return 0;
}
