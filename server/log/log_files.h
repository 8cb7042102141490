/* The files of the message log in their order, and the lines of any file. */
#ifndef SERVER_LOG_FILES_H
#define SERVER_LOG_FILES_H

#include <limits.h>
#include <stdio.h>
#include <sys/types.h>

#include "server/log/log_chain.h"

struct log_file_found {
	char		path[PATH_MAX];
	uint64_t	first;		/* number of first line; 0: unknown */
	bool		strange;	/* odd name: not to be read */
};

struct log_files {
	struct log_file_found	*files;		/* the caller's to free */
	size_t			 count;
	size_t			 compressed;	/* files, not in this list */
};

/*
 * Finds "message", "message.ANYTHING" and "message-ANYTHING" in the directory
 * path (relative to at), sorted by their first line's number; unknown ones come
 * first.  0, or -1 and errno.
 */
int	log_files_find(int at, const char *path, struct log_files *out);
/*
 * Reads the last whole line of fd, which ends before *end (0: none).  out->n is
 * 0 when smtpd did not write it.  0, or -1 and errno.
 */
int	log_files_last(int fd, struct log_point *out, off_t *end);

enum { log_lines_buffer_bytes = 128 * 1024 };

/* A file line by line, in memory of a fixed size. */
struct log_lines {
	FILE		*f;		/* the caller's to close */
	uint64_t	number;		/* of the last line returned, from 1 */
	bool		whole;		/* that line had an LF, and fit */
	uint8_t		line[log_lines_buffer_bytes];
};

/* Begins with an untrusted file.  0, or -1, errno (ELOOP, EINVAL: no file). */
int	log_lines_open(struct log_lines *l, int at, const char *path);
/* Begins with f, which is NULL when it could not be opened: then -1. */
int	log_lines_begin(struct log_lines *l, FILE *f);
/* The next line, maybe cut, without its LF, for now.  1; 0; -1 and errno. */
int	log_lines_next(struct log_lines *l, struct span *out);

#endif
