/*
 * One message between MAIL and its commit: which Maildirs it goes to, and its
 * file in the spool.  Who sends it is told in a few facts.
 */
#ifndef SERVER_MESSAGE_H
#define SERVER_MESSAGE_H

#include "server/mail/delivery.h"
#include "server/mail/recipient.h"
#include "server/master.h"

/* Who waits until it is stored. */
struct message_owner {
	/* What the client's host owes, us of time more; in us. */
	int64_t	(*charge)(void *arg, int64_t us, int64_t now_us);
	/* VERDICT_OK, or why it is not; the message is to be cleared. */
	void	(*done)(void *arg, enum verdict verdict, int64_t us);
};

/* no_room says whether the disk has space for what mail announces. */
void	message_start(struct message *t, const struct message_client *from,
	    const struct ipc_mail *mail);
/*
 * Adds what to reaches.  Maildirs behind an alias may be broken, as long as
 * one is not; a user's own may not, and is told in the log.  *named: Maildirs
 * more than before, to be charged for.
 */
enum verdict message_add(struct message *t, const struct mailbox *to,
	    struct recipient_reason *reason, size_t *named);
/*
 * Creates the spool file, headed by what we know ourselves; *fd is the
 * caller's to close.  VERDICT_OK; or why not, which is in the log, and t is
 * clear.
 */
enum verdict message_begin(struct message *t, int *fd);
/*
 * Waits for the disk from now on, with size octets of its worker's in its
 * file, until owner is told, with arg.  VERDICT_OK; or why not, which is in
 * the log, and t is clear.  *broken: the file is not what an honest worker
 * leaves.
 */
enum verdict message_end(struct message *t, uint64_t size,
	    const struct message_owner *owner, void *arg, bool *broken);
/*
 * Its worker gives it up: error is its errno of the file, or 0 when that is
 * not the reason.
 */
void	message_drop(struct message *t, int error);
/* Removes what there is of it, and takes it back out of its Maildirs. */
void	message_clear(struct message *t);

#endif
