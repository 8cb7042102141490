/*
 * The master's end of the nurseries: one that works, one that stands by.
 */
#ifndef SERVER_NURSERY_H
#define SERVER_NURSERY_H

#include "server/process/pool.h"

/* See pool_start(). */
void	nursery_start(struct master *m, const int channels[nursery_count]);
/*
 * Sends r, a SPAWN or a KILL; if no record of n follows within ten seconds, n
 * is lost.  0, or -1 and errno: r was not sent.
 */
int	nursery_ask(struct nursery *n, struct ipc_record *r);
/* The working nursery executes itself: a new layout for new workers. */
void	nursery_renew(struct master *m);
/*
 * Sends the settings of m->conf again, and the certificates of m->tls if they
 * are new: workers born from now on have them, and earlier ones are of an
 * older generation.
 */
void	nursery_tell_settings(struct master *m, bool certificates);
typedef void	nursery_tried(struct master *m, const char *why_not);

/*
 * Has the working nursery, or the one that replaces it, try certificates
 * beside those in use, and then calls tried(); why_not is empty if libtls
 * takes them.  files stays the caller's, and is read until tried() was called
 * and settings follow, or until a call with NULL, which ends the trial.
 */
void	nursery_try(struct master *m, const struct tls_files *files,
	    nursery_tried *tried);
/*
 * Once a second: loses a nursery that does not answer, and asks for one to
 * stand by, where there is none.
 */
void	nursery_tick(struct master *m);
void	nursery_stop(struct master *m);

#endif
