/* "log to FILE", and opening it again after it was moved away. */
#ifndef SERVER_LOG_FILE_H
#define SERVER_LOG_FILE_H

#include "server/conf/privdrop.h"

/* Logs to path, made for owner (NULL: us) if need be.  0; or -1, and *why. */
int	log_file_open(const char *path, const struct identity *owner,
	    const char **why);
/* Its directory, for the sandbox: the descriptor (-1: none) and its name. */
int	log_file_dir(const char **path);
/* Opens the file, if any, again.  0; or -1 and errno: the open one stays. */
int	log_file_reopen(void);
/* The same for SIGUSR1 and SIGHUP: logs a failure. */
void	log_reopen(void);

#endif
