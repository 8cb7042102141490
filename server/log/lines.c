/*
 * Lines of a file, one at a time.
 */
#include "server/log/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void
lines_begin(struct lines *l, int fd)
{
	l->fd = fd;
	l->number = 0;
	l->whole = true;
	l->eof = false;
	l->at = l->n = 0;
}

int
lines_open(struct lines *l, const char *path)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd == -1)
		return -1;
	lines_begin(l, fd);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return 0;
	close(fd);
	errno = EINVAL;
	return -1;
}

/* Reads more behind what is there; 0, or -1 and errno. */
static int
fill(struct lines *l)
{
	ssize_t n;

	memmove(l->octets, l->octets + l->at, l->n - l->at);
	l->n -= l->at;
	l->at = 0;
	do
		n = read(l->fd, l->octets + l->n, sizeof(l->octets) - l->n);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return -1;
	l->eof = n == 0;
	l->n += (size_t)n;
	return 0;
}

/* Steps over what is left of a line that did not fit. */
static int
skip_rest(struct lines *l)
{
	uint8_t *lf;

	for (;;) {
		lf = memchr(l->octets + l->at, '\n', l->n - l->at);
		if (lf != NULL) {
			l->at = (size_t)(lf - l->octets) + 1;
			return 0;
		}
		l->at = l->n;
		if (l->eof)
			return 0;
		if (fill(l) == -1)
			return -1;
	}
}

int
lines_next(struct lines *l, struct span *out)
{
	size_t looked = 0, have;
	uint8_t *lf;

	if (!l->whole && !l->eof && skip_rest(l) == -1)
		return -1;
	for (;;) {
		have = l->n - l->at;
		lf = memchr(l->octets + l->at + looked, '\n', have - looked);
		if (lf != NULL || l->eof || have == sizeof(l->octets))
			break;
		looked = have;
		if (fill(l) == -1)
			return -1;
	}
	if (have == 0)
		return 0;
	l->number++;
	l->whole = lf != NULL;
	*out = span_from(l->octets + l->at, lf == NULL ? have :
	    (size_t)(lf - l->octets) - l->at);
	l->at += out->n + (lf != NULL);
	return 1;
}
