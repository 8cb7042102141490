/*
 * The master's end of the sign process: handing it the keys, and carrying
 * digests to it and signatures back.  Both are records of a fixed size; no
 * worker has a channel to where the keys are.
 */
#ifndef SERVER_SIGNER_H
#define SERVER_SIGNER_H

#include "server/master.h"

/* It has the keys of all that is served. */
void	signer_fed(struct master *m);
/* Tells what it has to be told: digests, slots to be forgotten, keys. */
void	signer_tell(struct master *m);
/*
 * Gives it the pairs of files that have their slots and are not shared;
 * renew_judged() is told of each.  files stays the caller's, until he gives
 * NULL.
 */
void	signer_give(struct master *m, struct tls_files *files);
/*
 * A worker asks, for the only time in its session: SIGNATURE will be sent to
 * it.  False: it may not.
 */
bool	signer_ask(struct worker *w, const struct ipc_digest *digest);
/* w is gone, or its session: nobody waits for the answer any more. */
void	signer_forget(struct worker *w);
/* The place of w is needed: if it waits, it goes without a signature. */
void	signer_cut_short(struct worker *w);

#endif
