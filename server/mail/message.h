/*
 * One message between MAIL and its commit: which Maildirs it goes to, and its
 * file in the spool.  Who sends it is told in a few facts.
 */
#ifndef SERVER_MESSAGE_H
#define SERVER_MESSAGE_H

#include "server/mail/recipient_log.h"
#include "server/master.h"

struct delivery;

enum { message_name_bytes = 256 };

/* Who sends it.  All of it is borrowed until message_clear. */
struct message_client {
	struct master		*master;
	struct conf_epoch	*epoch;		/* of its recipients */
	const char		*session;	/* its id, for the log */
	const char		*user;		/* logged in; "": nobody */
	const char		*ip;
	bool			 ipv6;
	uint16_t		 port;
	bool			 hidden;	/* from who reads Received */
	const struct ipc_tls	*tls;		/* NULL: in plain text */
};

/* Zero is valid: no message.  As it is after message_clear. */
struct message {
	struct message_client	 client;
	char			 id[ipc_id_bytes + 1];
	struct ipc_mail		 mail;
	struct mailbox		 first_rcpt;
	uint64_t		 rcpt_count;
	struct recipient_set	 boxes;
	struct recipient_log	 rcpts;		/* as the client named them */
	uint64_t		 head_bytes;	/* of our trace fields */
	uint64_t		 size;		/* of the committed file */
	char			 name[message_name_bytes]; /* in its Maildirs */
	struct delivery		*delivery;	/* it waits for; or NULL */
	const struct message_owner *owner;	/* with that */
	void			*arg;		/* of owner */
	bool			 no_room;	/* told at RCPT */
	unsigned		 authors;	/* From and Sender: asked for */
	bool			 forged;	/* one of them is another's */
};

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
