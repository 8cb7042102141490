/*
 * The control socket: smtpctl asks, the master answers, and neither waits
 * for the other.  control_bind.c binds the socket; control_status.h has
 * what the answers say.
 */
#ifndef SERVER_CONTROL_H
#define SERVER_CONTROL_H

#include "server/master.h"

/*
 * Takes over and serves the listening socket fd (of control_bind).  0, or -1
 * without memory.
 */
int	control_start(struct master *m, int fd);
/* Closes the socket and its connections; removes its name if below root. */
void	control_stop(struct master *m);

#endif
