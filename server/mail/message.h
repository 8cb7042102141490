/*
 * One message between MAIL and its commit: which Maildirs it goes to, and its
 * file in the spool.
 */
#ifndef SERVER_MESSAGE_H
#define SERVER_MESSAGE_H

#include "server/mail/recipient_log.h"
#include "server/master.h"

struct session;

enum { message_name_bytes = 256 };

/* One message between MAIL and its answer. */
struct transaction {
	char			 id[ipc_id_bytes + 1];
	struct ipc_mail		 mail;
	bool			 no_room;	/* told at RCPT */
	struct mailbox		 first_rcpt;
	uint64_t		 rcpt_count;
	struct recipient_set	 boxes;
	struct recipient_log	 rcpts;		/* as the client named them */
	const char		*protocol;	/* RFC 3848 */
	uint64_t		 head_bytes;	/* of our trace fields */
	uint64_t		 size;		/* of the committed file */
	char			 name[message_name_bytes]; /* in its Maildirs */
	unsigned		 authors;	/* From and Sender: asked for */
	bool			 forged;	/* one of them is another's */
};

/* A transaction of s begins, whose sender was judged. */
void	message_start(struct session *s, const struct ipc_mail *mail);
/*
 * Adds what to reaches to the transaction of s.  Maildirs behind an alias may
 * be broken, as long as one is not; a user's own may not, and is told in the
 * log.  *named: Maildirs more than before, to be charged for.
 */
enum verdict message_add(struct session *s, const struct mailbox *to,
	    struct recipient_reason *reason, size_t *named);
/*
 * Creates the spool file, headed by what we know ourselves; *fd is the
 * caller's to close.  VERDICT_OK; or why not, which is in the log.
 */
enum verdict message_begin(struct session *s, int *fd);
/*
 * Waits for the disk from now on, with size octets of its worker's in its
 * file.  VERDICT_OK; or why not, which is in the log.  *broken: the file is
 * not what an honest worker leaves.
 */
enum verdict message_end(struct session *s, uint64_t size, bool *broken);
/*
 * The worker of s gives its message up: error is its errno of the file, or 0
 * when that is not the reason.
 */
void	message_drop(struct session *s, int error);

#endif
