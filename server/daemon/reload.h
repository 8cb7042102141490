/*
 * SIGHUP: the configuration, its tables, certificates and keys are read again;
 * and the keys alone, for a new sign process, which has none.
 *
 * The master can neither fork nor have OpenSSL parse a key in its memory: so
 * the sign process judges each new pair, and nothing changes before it has.
 */
#ifndef SERVER_RELOAD_H
#define SERVER_RELOAD_H

#include "server/master.h"

/* Makes m->conf the first epoch, and feeds the sign process.  0 or -1. */
int	reload_init(struct master *m);
/*
 * Reads the configuration again, for sessions that begin from now on.  Each of
 * its mistakes, or changes that take a restart, is logged, and nothing changes.
 * A call while new certificates are judged is repeated after that.
 */
void	reload(struct master *m);

#endif
