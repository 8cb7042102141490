/*
 * The master's end of the nurseries: one that works, one that stands by.
 */
#ifndef SERVER_NURSERY_H
#define SERVER_NURSERY_H

#include "server/process/pool.h"

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
typedef void	nursery_tried(struct master *m, const char *why_not);

/*
 * Has the working nursery try certificates beside those that it serves by,
 * and calls tried() when it has, or another one that took its place; why_not
 * is empty where libtls takes them.  files stays the caller's, and the trial
 * goes on until it has an answer and settings follow, or files is NULL.
 */
void	nursery_try(struct master *m, const struct tls_files *files,
	    nursery_tried *tried);
/*
 * Once a second: loses who does not answer, and asks for a nursery to stand
 * by, where there is none.
 */
void	nursery_tick(struct master *m);
void	nursery_stop(struct master *m);

#endif
