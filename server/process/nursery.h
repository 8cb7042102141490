/*
 * The master's end of the nurseries: one that works, one that stands by.
 */
#ifndef SERVER_NURSERY_H
#define SERVER_NURSERY_H

#include "server/process/pool.h"

/*
 * Sends r, a SPAWN or a KILL; if no record of n follows within ten seconds, n
 * is lost.  0, or -1 and errno: r was not sent.
 */
int	nursery_ask(struct helper *n, struct ipc_record *r);
/* The working nursery executes itself: a new layout for new workers. */
void	nursery_renew(struct master *m);
/*
 * Sends the settings of m->conf again, and the certificates of m->tls if they
 * are new: workers born from now on have them, and earlier ones are of an
 * older generation.
 */
void	nursery_tell_settings(struct master *m, bool certificates);

#endif
