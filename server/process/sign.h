/*
 * The master's end of the sign process: handing it the keys, and carrying
 * digests to it and signatures back.  Both are records of a fixed size; no
 * worker has a channel to where the keys are.
 */
#ifndef SERVER_SIGN_H
#define SERVER_SIGN_H

#include <sys/queue.h>

#include "server/master.h"

/* One signature, asked for by whoever has this; zero: nothing is asked. */
struct signing {
	TAILQ_ENTRY(signing)	 entry;
	struct ipc_digest	 digest;	/* ticket 0: nothing is due */
	bool			 sent;		/* the process has it */
	/* NULL: there is none.  arg may be freed in it, and this with it. */
	void			(*done)(void *arg,
				    const struct ipc_signature *signature);
	void			*arg;
};

/* Who decides which keys it has. */
struct sign_owner {
	/*
	 * It has no key, and needs those of m->tls; sign_fed() ends that.
	 * first: at start, and m->tls has its keys.
	 */
	void	(*feed)(struct master *m, bool first);
	/* It has judged a pair that was given. */
	void	(*judged)(struct master *m, const struct ipc_judged *judged);
	/* It has ended, and what it was given is lost. */
	void	(*lost)(struct master *m);
};

/* Before the process is started; 0, or -1 without memory. */
int	sign_start(struct master *m, const struct sign_owner *owner);
/* It has the keys of all that is served. */
void	sign_fed(struct master *m);
/*
 * Gives it the pairs of files that have their slots and are not shared;
 * judged() is called for each.  files stays the caller's, until he gives NULL.
 */
void	sign_give(struct master *m, const struct tls_files *files);
/*
 * Asks for the signature of digest, whose pair is the number of a slot here,
 * for s, which waits for nothing yet.  done() is called, perhaps before this
 * returns.
 */
void	sign_ask(struct master *m, struct signing *s,
	    const struct ipc_digest *digest);
/* Nobody waits for the answer any more; nothing, if nobody does. */
void	sign_forget(struct master *m, struct signing *s);
/* It cannot wait any longer: if it does, there is no signature. */
void	sign_cut_short(struct master *m, struct signing *s);

/*
 * Generations of certificates: which workers serve by which, and in which slot
 * of the sign process the key of each pair is.  A key stays as long as a
 * worker that may ask for it.
 *
 * Gives every pair its slot: that of the pair it shares, or a free one.
 * False: there are too few, and nothing was taken.
 */
bool	sign_take_slots(struct master *m, struct tls_files *files);
/* One user of files less; with the last one go its slots and then itself. */
void	sign_drop(struct master *m, struct tls_files *files);

#endif
