/*
 * SIGHUP: the configuration, its tables, certificates and keys are read again;
 * and the keys alone, for a new sign process, which has none.
 */
#ifndef SERVER_RELOAD_H
#define SERVER_RELOAD_H

#include "server/master.h"

/* Makes m->conf the first epoch, and feeds the sign process.  0 or -1. */
int	reload_init(struct master *m);
/*
 * Reads the configuration again, for sessions that begin from now on.  If it
 * has mistakes, or takes a restart, that is logged, and nothing changes.
 */
void	reload(struct master *m);

#endif
