/*
 * The control socket: smtpctl asks, the master answers, and neither waits
 * for the other.  Binding it is control_bind.c, what is answered is in
 * control_status.c and its like.
 */
#ifndef SERVER_CONTROL_H
#define SERVER_CONTROL_H

#include "server/master.h"

/*
 * Serves the listening socket fd (control_bind), which becomes its own.  0,
 * or -1 without memory.
 */
int	control_start(struct master *m, int fd);
/* Closes it and all of its connections, and removes the socket if it may. */
void	control_stop(struct master *m);

#endif
