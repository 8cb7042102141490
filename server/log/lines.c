/*
 * Lines of a file, one at a time.
 */
#include "server/log/lines.h"

#include <errno.h>
#include <fcntl.h>
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

/* The next octet; -1 at the end of the file, -2 and errno. */
static int
next_octet(struct lines *l)
{
	ssize_t n;

	if (l->at == l->n) {
		do
			n = read(l->fd, l->octets, sizeof(l->octets));
		while (n == -1 && errno == EINTR);
		if (n == -1)
			return -2;
		l->eof = n == 0;
		l->at = 0;
		l->n = (size_t)n;
	}
	return l->eof ? -1 : l->octets[l->at++];
}

int
lines_next(struct lines *l, struct span *out)
{
	size_t n = 0;
	int c;

	while ((c = next_octet(l)) >= 0 && c != '\n')
		if (n < sizeof(l->line))
			l->line[n++] = (uint8_t)c;
	if (c == -2)
		return -1;
	if (c == -1 && n == 0)
		return 0;
	l->number++;
	l->whole = c == '\n' && n < sizeof(l->line);
	*out = span_from(l->line, n);
	return 1;
}
