/*
 * A file line by line, in memory of a fixed size.
 */
#ifndef SERVER_LINES_H
#define SERVER_LINES_H

#include "shared/span.h"

enum { lines_buffer_bytes = 128 * 1024 };

struct lines {
	int		fd;
	uint64_t	number;		/* of the last line returned, from 1 */
	bool		whole;		/* that line had an LF, and fit */
	bool		eof;
	size_t		at, n;		/* offset and length in octets */
	uint8_t		octets[16 * 1024];
	uint8_t		line[lines_buffer_bytes];
};

void	lines_begin(struct lines *l, int fd);
/*
 * Begins with the regular file at path, which may not be a symbolic link and
 * need not be trusted; the caller closes l->fd.  0, or -1 and errno (EINVAL:
 * not a regular file).
 */
int	lines_open(struct lines *l, const char *path);
/*
 * The next line without its LF, valid until the next call.  A line that does
 * not fit is cut.  1; 0 at the end; -1 and errno.
 */
int	lines_next(struct lines *l, struct span *out);

#endif
