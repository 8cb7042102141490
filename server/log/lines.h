/*
 * A file line by line, in memory of a fixed size.
 */
#ifndef SERVER_LINES_H
#define SERVER_LINES_H

#include <stdio.h>

#include "shared/span.h"

enum { lines_buffer_bytes = 128 * 1024 };

struct lines {
	FILE		*f;		/* the caller's to close */
	uint64_t	number;		/* of the last line returned, from 1 */
	bool		whole;		/* that line had an LF, and fit */
	uint8_t		line[lines_buffer_bytes];
};

/*
 * Begins with the regular file at path, which may not be a symbolic link and
 * need not be trusted.  0, or -1 and errno (EINVAL: not a regular file).
 */
int	lines_open(struct lines *l, const char *path);
/* Begins with f, which is NULL when it could not be opened: then -1. */
int	lines_begin(struct lines *l, FILE *f);
/*
 * The next line without its LF, valid until the next call.  A line that does
 * not fit is cut.  1; 0 at the end; -1 and errno.
 */
int	lines_next(struct lines *l, struct span *out);

#endif
