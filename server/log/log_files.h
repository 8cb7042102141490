/*
 * The files of the message log: finding them in the order they were written,
 * and the last line of one.
 */
#ifndef SERVER_LOG_FILES_H
#define SERVER_LOG_FILES_H

#include <limits.h>
#include <sys/types.h>

#include "server/log/log_chain.h"

struct log_file_found {
	char		path[PATH_MAX];
	uint64_t	first;		/* number of first line; 0: unknown */
	bool		strange;	/* odd name: not to be read */
};

struct log_files {
	struct log_file_found	*files;
	size_t			 count;
	size_t			 compressed;	/* files, not in this list */
};

/*
 * Finds "message" and every "message.ANYTHING" and "message-ANYTHING" in the
 * directory path (relative to at, or AT_FDCWD), sorted by the number of their
 * first line; files with names that neither smtpd nor logrotate gives come
 * first.  0, or -1 and errno.
 */
int	log_files_find(int at, const char *path, struct log_files *out);
void	log_files_free(struct log_files *f);
/*
 * Reads the last whole line of fd; *end is the offset behind it, which is 0
 * when there is none.  out->n is 0 when there is none, and when smtpd did not
 * write it.  0, or -1 and errno.
 */
int	log_files_last(int fd, struct log_point *out, off_t *end);

#endif
