/*
 * Lines of a file, one at a time.
 */
#include "server/log/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int
lines_open(struct lines *l, const char *path)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return lines_begin(l, fdopen(fd, "r"));
	close(fd);
	errno = EINVAL;
	return -1;
}

int
lines_begin(struct lines *l, FILE *f)
{
	l->f = f;
	l->number = 0;
	l->whole = true;
	return f == NULL ? -1 : 0;
}

int
lines_next(struct lines *l, struct span *out)
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
