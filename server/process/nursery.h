/* The master's end of the nurseries: one that works, one that stands by. */
#ifndef SERVER_NURSERY_H
#define SERVER_NURSERY_H

#include "server/process/pool.h"

/* Sends r, after which a record of n is due.  0, or -1 and errno. */
int	nursery_ask(struct helper *n, struct ipc_record *r);
/* The working nursery executes itself: a new layout for new workers. */
void	nursery_renew(struct master *m);
/*
 * Sends the certificates of m->tls and the settings of m->conf again: workers
 * born from now on have them, and are of a new generation.
 */
void	nursery_tell_settings(struct master *m);

#endif
