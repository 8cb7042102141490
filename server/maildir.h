/*
 * Delivery into Maildirs: hard links of the received file, and the fsync of
 * the directories they stand in, shared by all deliveries that wait.
 */
#ifndef SERVER_MAILDIR_H
#define SERVER_MAILDIR_H

#include "server/recipient.h"
#include "server/spool.h"

enum { maildir_dirs_max = 64, maildir_path_max_bytes = 512 };

/* The "new" directories touched since the last sync.  Zero is empty. */
struct maildir_batch {
	size_t	 count;
	uint64_t syncs;		/* of directories, for who counts them */
	struct {
		int	fd;
		char	path[maildir_path_max_bytes];
	} dirs[maildir_dirs_max];
};

/*
 * Gives the message incoming/id to every mailbox of set, under the file name
 * name.  0: it stands in all of them, and is durable after the next
 * maildir_sync; incoming/id is gone.  -1 and errno: it stands in none, and
 * incoming/id is still there.
 */
int	maildir_deliver(struct maildir_batch *b, const struct spool *s,
	    const char *id, const char *name, const struct recipient_set *set);
/*
 * Makes durable what was delivered, and empties b.  0, or -1 and errno of
 * the first directory that failed.
 */
int	maildir_sync(struct maildir_batch *b);

#endif
