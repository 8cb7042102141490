/*
 * Maildirs made ahead: those behind aliases that reach many, so that the
 * first message to such an alias does not wait for thousands to be made.  At
 * start and after a reload, in pieces, while messages are taken.
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
	struct maildir_delivery	 mail;		/* that makes them */
	int64_t			 begun_us;	/* 0: none was missing yet */
};

/* All over again, by the aliases of e; what was under way ends. */
void	ahead_begin(struct ahead *a, const struct spool *s,
	    struct conf_epoch *e);
/*
 * Looks for Maildirs that are missing until until_us, and makes at most most
 * of them, durable once the directories of b are synced, which is empty.
 */
void	ahead_piece(struct ahead *a, struct maildir_batch *b, size_t most,
	    int64_t until_us);
/* No more of it: all is done; or error, an errno, says why not. */
void	ahead_end(struct ahead *a, int error);

#endif
