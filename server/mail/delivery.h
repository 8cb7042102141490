/*
 * One message, and its way into its Maildirs, and out of them again when it
 * fails.  Which is next, and for how long, is commit.c's.
 */
#ifndef SERVER_DELIVERY_H
#define SERVER_DELIVERY_H

#include <sys/queue.h>

#include "server/mail/maildir.h"
#include "server/mail/recipient_log.h"
#include "shared/ipc_msg.h"

struct commit_owner;
struct conf_epoch;
struct master;
struct message_owner;

enum {
	delivery_first_max = 32,	/* Maildirs at the first go */
	delivery_piece_us = 4 * 1000,	/* no new Maildir after that */
	message_name_bytes = 256
};

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

TAILQ_HEAD(delivery_list, delivery);

struct delivery {
	TAILQ_ENTRY(delivery)	 entry;
	struct delivery_list	*in;		/* of commit.c */
	const struct commit_owner *owner;
	char			 session[ipc_id_bytes + 1];
	bool			 disowned;	/* nobody is to be told */
	struct message		*tx;		/* the owner's; or own */
	struct message		 own;
	struct maildir_delivery	 mail;
	int64_t			 begun_us;
	bool			 slow;		/* the log says so */
	int			 error;		/* errno, it is taken back; 0 */
	size_t			 left;		/* cannot be taken back, */
	struct recipient_mailbox left_in;	/* the first of them */
};

/*
 * Gives d to most Maildirs more, or as many as there is time for and room in
 * b.  False: it failed, and has to be taken back.
 */
bool	delivery_go_on(struct delivery *d, struct maildir_batch *b,
	    size_t most);
bool	delivery_is_whole(const struct delivery *d);
/* From now on it is taken back, for error, which the log names with where. */
void	delivery_fail(struct delivery *d, const char *what, int error,
	    const struct recipient_mailbox *where);
/* Takes d out of most Maildirs, or as delivery_go_on.  True: of all. */
bool	delivery_take_back(struct delivery *d, size_t most);
/*
 * Says in the log that it takes long, once; or that this has ended, if it was
 * said.
 */
void	delivery_log_slow(struct delivery *d, bool ended);

#endif
