/*
 * The files of the message log below a root, in the order they were written.
 */
#ifndef SERVER_LOG_FILES_H
#define SERVER_LOG_FILES_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
 * Finds "message" and every "message.ANYTHING" and "message-ANYTHING" in
 * ROOT/log, sorted by the number of their first line; files with names that
 * neither smtpd nor logrotate gives come first.  0, or -1 and errno with the
 * path in what.
 */
int	log_files_find(const char *root, struct log_files *out,
	    char what[PATH_MAX]);
void	log_files_free(struct log_files *f);

#endif
