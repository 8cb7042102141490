/*
 * SIGHUP: the configuration and its tables are read again.
 */
#ifndef SERVER_RELOAD_H
#define SERVER_RELOAD_H

#include "server/master.h"

/*
 * What m->conf owns is the first epoch.  0, or -1 without memory.
 */
int	reload_init(struct master *m);
/*
 * Reads the file again.  In order: sessions that begin from now on have the
 * new configuration, the others go on with theirs.  Not in order, or with a
 * change that takes a restart: every mistake is logged with its line, and all
 * stays as it was.  Where certificates have changed that may take a moment;
 * asked again meanwhile, it is done again after it.
 */
void	reload(struct master *m);
/*
 * The certificates of the configuration that waits are ready, or there are
 * mistakes; the text is taken apart.
 */
void	reload_renewed(struct master *m, char *mistakes);

#endif
