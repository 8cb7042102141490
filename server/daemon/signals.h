/*
 * What a running master is asked by signals: to stop, to read its
 * configuration again.
 */
#ifndef SERVER_SIGNALS_H
#define SERVER_SIGNALS_H

#include "server/master.h"

/* 0, or -1 without memory.  m->base is there. */
int	signals_init(struct master *m);
/* Stops in order, as SIGTERM does. */
void	signals_stop(struct master *m);

#endif
