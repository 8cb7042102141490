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
 * Asks for the signature of digest, whose pair is the number of a slot here,
 * for s, which waits for nothing yet.  done() is called, perhaps before this
 * returns.
 */
void	signer_ask(struct master *m, struct signing *s,
	    const struct ipc_digest *digest);
/* Nobody waits for the answer any more; nothing, if nobody does. */
void	signer_forget(struct master *m, struct signing *s);
/* It cannot wait any longer: if it does, there is no signature. */
void	signer_cut_short(struct master *m, struct signing *s);

#endif
