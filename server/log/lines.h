/*
 * A file line by line, in memory of a fixed size.
 */
#ifndef SERVER_LINES_H
#define SERVER_LINES_H

#include "shared/span.h"

enum { lines_buffer_bytes = 128 * 1024 };

struct lines {
	int		fd;
	uint64_t	number;		/* of the line given last, from 1 */
	bool		whole;		/* that line had an LF, and fitted */
	bool		eof;
	size_t		at, n;		/* of what was read */
	uint8_t		octets[16 * 1024];
	uint8_t		line[lines_buffer_bytes];
};

void	lines_begin(struct lines *l, int fd);
/*
 * The same of a regular file that is no symbolic link, whoever made what lies
 * at path; l->fd is the caller's to close.  0, or -1 and errno (EINVAL: it is
 * something else).
 */
int	lines_open(struct lines *l, const char *path);
/*
 * The next line without its LF, good until the next call.  One that does not
 * fit is given in its beginning, and its rest left out.  1; 0 at the end; -1
 * and errno.
 */
int	lines_next(struct lines *l, struct span *out);

#endif
