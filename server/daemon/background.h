/*
 * Going into the background, and the pid file (smtpd -p).
 */
#ifndef SERVER_BACKGROUND_H
#define SERVER_BACKGROUND_H

#include <stdbool.h>

/* Opens and locks the pid file.  Fatal where it is locked, or no plain file. */
void	background_pid_open(const char *path);
/*
 * Unless foreground is set, returns in a child, for which the parent, and so
 * the shell, waits until background_tell_ready, or exits 1 if the child ends.
 */
void	background_begin(bool foreground);
/* The parent exits 0; descriptors 0 to 2 are /dev/null from here on. */
void	background_tell_ready(void);
/* Empties the pid file, whose directory may be root's. */
void	background_pid_clear(void);

#endif
