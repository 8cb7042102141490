/*
 * Delivery into Maildirs: hard links of the received file, or copies where no
 * link is possible; and the directories to be synced, shared by a turn.
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
 * What is to be synced: "new" of each Maildir; of one that was made, its own,
 * its domain's, and "mail", which all share; and of the queue.  Zero is empty.
 */
struct maildir_batch {
	size_t	 count;
	bool	 making;	/* holds the lock of makers until the sync */
	int	 fds[maildir_dirs_max];
	struct {
		int	dir;		/* of path */
		char	path[maildir_path_max_bytes];
		struct recipient_mailbox box;	/* or all zero */
	} dirs[maildir_dirs_max];
};

/* The delivery of one message. */
struct maildir_delivery {
	const struct spool	*spool;
	struct recipient_set	*to;
	const char		*id;		/* of spool/incoming/id */
	const char		*name;		/* of its file in a Maildir */
	uint64_t		 size;
	size_t			 at;		/* the boxes before have it */
	bool			 copied;	/* links are to the copy */
	size_t			 copy;		/* the box that has it */
	uint64_t		 done;		/* octets of a copy under way */
	uint64_t		 made;		/* Maildirs made */
	const char		*what;		/* tried last, for the log */
};

enum maildir_result {
	MAILDIR_DONE,		/* the box has it; at is the next */
	MAILDIR_MORE,		/* a copy is made in pieces: call again */
	MAILDIR_FAILED		/* errno; box at has nothing of it */
};

/*
 * Has path in dir synced with b, which has room for it; box: what for, or NULL.
 * Its descriptor, which b keeps; or -1 and errno.
 */
int	maildir_touch(struct maildir_batch *b, int dir, const char *path,
	    const struct recipient_mailbox *box);
/* Has b slots for n more Maildirs, of which at most one has to be made? */
bool	maildir_has_room(const struct maildir_batch *b, size_t n);
/*
 * Delivers the message to the Maildir to->boxes[at], which is made if need be;
 * durable once b, which must have room for one, is synced.  One call makes at
 * most one Maildir, and copies at most one MiB.
 */
enum maildir_result maildir_deliver(struct maildir_batch *b,
	    struct maildir_delivery *d);
/*
 * Ends a copy under way; or decrements at, and removes the message from that
 * Maildir.  0; or -1 and errno, and the message stays there.
 */
int	maildir_take_back(struct maildir_delivery *d);
/* Empties b, after the sync of its directories (0) or an error. */
void	maildir_end_batch(struct maildir_batch *b, const struct spool *s,
	    int error);
/*
 * Each recipient needs one usable Maildir, or one that is still to be made: a
 * user's own, or one that an alias reaches.  0, and one of to behind the first
 * before boxes is marked needed; or errno, and *box is broken.
 */
int	maildir_find_fit(const struct spool *s, struct recipient_set *to,
	    size_t before, const struct recipient_mailbox **box);
/* Adds to= and path= of box. */
void	maildir_log_place(struct log_line *l,
	    const struct recipient_mailbox *box);

#endif
