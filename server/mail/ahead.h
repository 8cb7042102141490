/*
 * Maildirs made ahead: those of aliases that reach many, so that the first
 * message to such an alias does not wait until thousands are made.  This is
 * done at start and after a reload, in pieces, while messages are accepted.
 */
#ifndef SERVER_AHEAD_H
#define SERVER_AHEAD_H

#include "server/conf/conf.h"
#include "server/mail/maildir.h"

/* Zero is valid, and has nothing to do. */
struct ahead {
	struct conf_epoch	*epoch;		/* NULL: nothing to do */
	size_t			 domain, alias;	/* looked at next */
	struct recipient_set	 to;
	struct maildir_delivery	 mail;		/* makes the Maildirs */
	int64_t			 begun_us;	/* 0: none was missing yet */
};

/* Starts over with the aliases of e; what was under way ends. */
void	ahead_begin(struct ahead *a, const struct spool *s,
	    struct conf_epoch *e);
/*
 * Until until_us, looks for missing Maildirs and makes at most most of them;
 * they are durable once the directories of b, empty before, are synced.
 */
void	ahead_piece(struct ahead *a, struct maildir_batch *b, size_t most,
	    int64_t until_us);
/* Ends it, complete or not; error: 0, or the errno of a failure. */
void	ahead_end(struct ahead *a, int error);

#endif
