/*
 * Signals to a running master: to stop, or to read its configuration again.
 */
#ifndef SERVER_SIGNALS_H
#define SERVER_SIGNALS_H

#include "server/master.h"

/* Comes after m->base is made.  0, or -1 without memory. */
int	signals_init(struct master *m);
/* Shuts down, as SIGTERM does. */
void	signals_stop(struct master *m);

#endif
