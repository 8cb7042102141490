/*
 * The master's end of the sign process, which has the keys; no worker has a
 * channel to it.
 */
#ifndef SERVER_SIGN_H
#define SERVER_SIGN_H

#include <sys/queue.h>

#include "server/master.h"

/* A request for one signature; all zero: nothing is asked. */
struct signing {
	TAILQ_ENTRY(signing)	 entry;
	struct ipc_digest	 digest;	/* ticket 0: nothing is due */
	bool			 sent;		/* the process has it */
	/* signature NULL: there is none.  done() may free arg and this. */
	void			(*done)(void *arg,
				    const struct ipc_signature *signature);
	void			*arg;
};

/* Who decides on the keys: m->sign_owner, set before the process starts. */
struct sign_owner {
	/* It needs the keys of m->tls, which has them only if first. */
	void	(*feed)(struct master *m, bool first);
	/* The process has judged a pair that it was given. */
	void	(*judged)(struct master *m, const struct ipc_judged *judged);
	/* The process has ended, and its keys are lost. */
	void	(*lost)(struct master *m);
};

/*
 * Sends the pairs of files that have their slots and are not shared; judged()
 * is called for each.  files stays the caller's, read until a call with NULL.
 */
void	sign_give(struct master *m, const struct tls_files *files);
/*
 * Asks for the signature of digest, whose pair is a slot number here; s has no
 * request under way.  done() is called, perhaps before this returns.
 */
void	sign_ask(struct master *m, struct signing *s,
	    const struct ipc_digest *digest);
/* Withdraws the request of s, if there is one; done() is not called. */
void	sign_forget(struct master *m, struct signing *s);
/* Answers the request of s, if there is one, without a signature. */
void	sign_cut_short(struct master *m, struct signing *s);

/*
 * Gives every pair its slot, where its key stays as long as a worker may ask
 * for it: that of the pair it shares, or a free one.  False: too few are free,
 * and none was taken.
 */
bool	sign_take_slots(struct master *m, struct tls_files *files);
/* files has one user less; without users it and its slots are freed. */
void	sign_drop(struct master *m, struct tls_files *files);

#endif
