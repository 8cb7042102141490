/* "log to FILE", and opening it again after it was moved away. */
#ifndef SERVER_LOG_FILE_H
#define SERVER_LOG_FILE_H

#include "server/conf/privdrop.h"

/*
 * Opens path, or creates it for owner (NULL: this user), who will open it
 * again, and sends the log there.  0; or -1, *why in words (static storage).
 */
int	log_file_open(const char *path, const struct identity *owner,
	    const char **why);
/* Its directory, for the sandbox: the descriptor (-1: none) and its name. */
int	log_file_dir(const char **path);
/* Opens the file, if any, again.  0; or -1 and errno: the open one stays. */
int	log_file_reopen(void);
/* The same for SIGUSR1 and SIGHUP: logs a failure. */
void	log_reopen(void);

#endif
