/*
 * Going into the background, and the pid file (smtpd -p), which tells scripts
 * the running process and prevents a second one.
 */
#ifndef SERVER_BACKGROUND_H
#define SERVER_BACKGROUND_H

#include <stdbool.h>

/*
 * Opens and locks the pid file, created if need be, while we may still be root.
 * Fatal when another process has its lock, or path is no plain file.
 */
void	background_pid_open(const char *path);
/*
 * Goes into the background, unless foreground is set; returns in the process
 * that stays, whose number the pid file has now.  The parent, and so the shell,
 * waits for background_tell_ready, and exits 1 if the child ends first.
 */
void	background_begin(bool foreground);
/* The parent exits 0; descriptors 0 to 2 are /dev/null from here on. */
void	background_tell_ready(void);
/* Empties the pid file: we may not remove it from its directory. */
void	background_pid_clear(void);

#endif
