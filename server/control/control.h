/* The control socket: smtpctl asks, the master answers, and neither waits. */
#ifndef SERVER_CONTROL_H
#define SERVER_CONTROL_H

#include "server/master.h"

/* Serves the listening socket fd (control_bind).  0, or -1 without memory. */
int	control_start(struct master *m, int fd);
/* Closes the socket and its connections; removes its name if below root. */
void	control_stop(struct master *m);

/* The name of a socket below root, the master's to make; NULL: elsewhere. */
const char *control_name_inside(const struct conf *conf);
/*
 * Before the sandbox is entered: binds path, and listens; only owner (NULL:
 * this user) and root can connect.  A dead socket is removed first; with
 * take_over, any.  A non-blocking descriptor; or -1, and *why in words for
 * fatal().
 */
int	control_bind(const char *path, const struct identity *owner,
	    bool take_over, const char **why);

#endif
