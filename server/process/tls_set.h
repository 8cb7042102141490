/*
 * Generations of certificates: which workers serve by which, and in which slot
 * of the sign process the key of each pair is.  A key stays as long as a
 * worker that may ask for it.
 */
#ifndef SERVER_TLS_SET_H
#define SERVER_TLS_SET_H

#include "server/master.h"

/* An empty one with one user, the caller; NULL: no memory. */
struct tls_files *tls_set_new(void);
/*
 * Gives every pair its slot: that of the pair it shares, or a free one.
 * False: there are too few, and nothing was taken.
 */
bool	tls_set_take_slots(struct master *m, struct tls_files *set);
/* The slots that set took are used by nobody else on its behalf. */
void	tls_set_drop_slots(struct master *m, struct tls_files *set);
/* One user less; with the last one go its keys and then itself. */
void	tls_set_drop(struct master *m, struct tls_files *set);

#endif
