/*
 * The master's end of the nurseries: one that works, one that stands by.
 */
#ifndef SERVER_NURSERY_H
#define SERVER_NURSERY_H

#include "server/master.h"
#include "shared/log.h"

/* As pool_start() and pool_wait() say of the nurseries. */
void	nursery_start(struct master *m, const int channels[nursery_count]);
int	nursery_wait(struct master *m, const char **why);
/*
 * Sends r, a SPAWN or a KILL, which n has to answer by whatever record: if it
 * is silent for ten seconds it is lost.  0, or -1 and errno: r was not sent.
 */
int	nursery_ask(struct nursery *n, struct ipc_record *r);
/* The working nursery executes itself: a new layout for new workers. */
void	nursery_renew(struct master *m);
/*
 * Tells the settings of m->conf anew, and the certificates of m->tls where
 * these are others: workers that are born from now on have them, and those
 * that were born before are of an older generation.
 */
void	nursery_tell_settings(struct master *m, bool certificates);
/*
 * Has n try certificates beside those that it serves by; renew_tried() is
 * told.  NULL: what it was given is not needed any more.
 */
void	nursery_try(struct nursery *n, const struct tls_files *files);
/*
 * Once a second: loses who does not answer, and asks for a nursery to stand
 * by, where there is none.
 */
void	nursery_tick(struct master *m);
void	nursery_stop(struct master *m);

#endif
