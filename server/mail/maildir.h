/*
 * Delivery into Maildirs: hard links of the received file, or copies where
 * there can be no link, one Maildir a call; and the fsync of the directories
 * they stand in, shared by all deliveries of a turn.
 */
#ifndef SERVER_MAILDIR_H
#define SERVER_MAILDIR_H

#include "server/mail/recipient.h"
#include "server/mail/spool.h"
#include "shared/log.h"

enum {
	maildir_dirs_max = 72,
	maildir_dirs_of_one = 4,	/* of a Maildir that has to be made */
	maildir_path_max_bytes = 512
};

/*
 * The directories touched since the last sync: "new" of each Maildir; and of
 * one that was made its own, that of its domain, and "mail", which all
 * Maildirs made since then share.  Zero is empty.
 */
struct maildir_batch {
	size_t	 count;
	bool	 making;	/* has the lock of makers, until the sync */
	bool	 unsure;	/* a sync failed after Maildirs were made */
	int	 fds[maildir_dirs_max];
	struct {
		char	path[maildir_path_max_bytes];
		struct recipient_mailbox box;
	} dirs[maildir_dirs_max];
};

/* One message on its way. */
struct maildir_delivery {
	const struct spool	*spool;
	struct recipient_set	*to;
	const char		*id;		/* of spool/incoming/id; NULL:
						   no message, make Maildirs */
	const char		*name;		/* of its file in a Maildir */
	uint64_t		 size;
	size_t			 at;		/* boxes before have it */
	bool			 moved;		/* one of them took the file */
	bool			 copied;	/* links are made of the copy */
	size_t			 copy;		/* in that box */
	bool			 copying;	/* into box at, by these: */
	int			 from, into;
	uint64_t		 done;		/* octets */
	uint64_t		 made;		/* Maildirs */
	const char		*what;		/* tried last, for the log */
};

enum maildir_result {
	MAILDIR_DONE,		/* box at has it; at is the next one */
	MAILDIR_MORE,		/* a copy is made in pieces: call again */
	MAILDIR_FAILED		/* errno; box at has nothing of it */
};

/* Has b room for n Maildirs more, if none of them has to be made? */
bool	maildir_has_room(const struct maildir_batch *b, size_t n);
/*
 * Gives the message to the Maildir to->boxes[at], made if it is not there;
 * durable once the directories of b are synced.  b must have room for one.
 * What one call does is bounded: a Maildir made, and a MiB copied.
 */
enum maildir_result maildir_deliver(struct maildir_batch *b,
	    struct maildir_delivery *d);
/*
 * Ends a copy under way; or takes the message out of the Maildir before at,
 * which is one less then.  0; or -1 and errno, and it stays there.
 */
int	maildir_take_back(struct maildir_delivery *d);
/* Empties b: its directories were synced, or there was an error. */
void	maildir_end_batch(struct maildir_batch *b, const struct spool *s,
	    int error);
/* 0 when box can be delivered to, or is still to be made; or -1 and errno. */
int	maildir_probe(const struct spool *s,
	    const struct recipient_mailbox *box);
/* What could not be done, for event=store-failed. */
struct maildir_failure {
	const char	*session;	/* its id */
	const char	*id;		/* of the message; "": none yet */
	const char	*what;
	const struct recipient_mailbox *box; /* NULL: its file in the spool */
	int		 error;
	const char	*then;		/* what follows from it; or NULL */
};
void	maildir_log_failure(const struct spool *s,
	    const struct maildir_failure *f);
/* to= and path= of box. */
void	maildir_log_place(struct log_line *l,
	    const struct recipient_mailbox *box);

#endif
