/*
 * Messages on their way from the spool into Maildirs.  Small ones share a
 * turn of the loop and its fsync of each directory; one for many Maildirs
 * goes in pieces, a part of the time, beside all others.  Only when all of a
 * message is durable is anyone told.
 */
#ifndef SERVER_COMMIT_H
#define SERVER_COMMIT_H

#include <stdint.h>

struct delivery;
struct master;
struct message;

/* What is asked and said of a message that waits. */
struct commit_owner {
	/* What its client's host owes, us of time more; in us. */
	int64_t	(*charge)(const struct message *t, int64_t us,
		    int64_t now_us);
	/* It is durable: to be written down before the next call. */
	void	(*record)(struct message *t);
	/* 0, or errno; after us microseconds.  The spool has it no more. */
	void	(*done)(struct message *t, int error, int64_t us);
};

/* 0, or -1 and errno. */
int	commit_init(struct master *m);
/*
 * Makes the Maildirs behind large aliases of the epoch of m, in pieces, when
 * no message waits for that.
 */
void	commit_make_ahead(struct master *m);
/*
 * t, whose file is whole, waits for the disk until owner is told; it stays
 * where it is, and nobody changes it meanwhile.  NULL and errno when there is
 * no memory for that.
 */
struct delivery *commit_add(struct message *t,
	    const struct commit_owner *owner);
/*
 * The owner of d goes, and is not told.  What Maildirs have of the message is
 * taken out of them again, for which it is emptied.
 */
void	commit_forget(struct delivery *d);
/* Ends what waits, now: what cannot be done in one turn is taken back. */
void	commit_finish(struct master *m);

#endif
