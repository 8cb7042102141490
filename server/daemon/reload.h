/*
 * SIGHUP: the configuration, its tables, certificates and keys are read
 * again; and the keys alone, for a sign process that has none.
 *
 * The master can neither fork nor keep what OpenSSL makes of a key, so others
 * judge what is new: the sign process each pair, and then the active nursery
 * whether libtls takes all of them.  Until both have, nothing has changed.
 */
#ifndef SERVER_RELOAD_H
#define SERVER_RELOAD_H

#include "server/master.h"

/*
 * What m->conf owns is the first epoch, and the sign process is given its
 * keys from here.  0, or -1 without memory.
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

#endif
