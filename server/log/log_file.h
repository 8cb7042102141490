/*
 * "log to FILE": the file that log lines are appended to, and opening it
 * again after somebody has moved it away.
 */
#ifndef SERVER_LOG_FILE_H
#define SERVER_LOG_FILE_H

#include "server/conf/privdrop.h"

/*
 * Opens path, made if need be, and sends the log there.  owner is who has to
 * be able to open it again, and is given what is made here; NULL when that
 * is who we are.  0; or -1, *why in words (static storage).
 */
int	log_file_open(const char *path, const struct identity *owner,
	    const char **why);
/*
 * The directory the file lies in, for the sandbox: an open descriptor and,
 * in *path, its name.  -1 when there is no log file.
 */
int	log_file_dir(const char **path);
/*
 * Opens the file by its name again.  0; or -1 and errno, and the log goes on
 * into the file it has.  Without a log file it does nothing.
 */
int	log_file_reopen(void);
/* The same, and a failure is logged: what SIGUSR1 and SIGHUP call. */
void	log_reopen(void);

#endif
