/*
 * Delivery of one message into its Maildirs and the queue, and its removal when
 * it fails.  commit.c decides which message is next, and for how long.
 */
#ifndef SERVER_DELIVERY_H
#define SERVER_DELIVERY_H

#include <sys/queue.h>

#include "server/mail/maildir.h"
#include "server/mail/queue.h"

enum {
	delivery_first_max = 32,	/* Maildirs in its first turn */
	delivery_piece_us = 4 * 1000,	/* no new Maildir after that */
	message_name_bytes = 256
};

/* The client of a message.  All of it is borrowed until message_clear. */
struct message_client {
	struct master		*master;
	struct conf_epoch	*epoch;		/* recipients are found here */
	const char		*session;	/* its id, for the log */
	const char		*user;		/* logged in; "": nobody */
	const char		*ip;
	uint16_t		 port;
	bool			 hidden;	/* not shown in Received */
	const struct ipc_tls	*tls;		/* NULL: in plain text */
	int64_t			*paid_until_us;	/* of its host: deadline_owe */
	unsigned		 relay_line;	/* permits it to send mail out;
						   0: none does */
};

struct message;

/* Told to the owner, whose message is clear: OK, or why t is not stored. */
typedef void	message_done(void *arg, enum verdict verdict,
	    const struct message *t, int64_t us);

/* Zero is valid: no message, as after message_clear. */
struct message {
	struct message_client	 client;
	char			 id[ipc_id_bytes + 1];
	struct ipc_mail		 mail;
	struct mailbox		 first_rcpt;
	uint64_t		 rcpt_count;
	bool			 is_counted;	/* as mail of its user that
						   leaves */
	struct recipient_set	 boxes;
	struct queue_draft	 draft;		/* for those elsewhere */
	struct ipc_commit	 commit;	/* of its worker */
	struct recipient_log	 rcpts;		/* as the client named them */
	uint64_t		 head_bytes;	/* in front of the worker's,
						   without the envelope */
	uint64_t		 size;		/* of the committed file */
	const char		*protocol;	/* RFC 3848: "ESMTP" */
	struct delivery		*delivery;	/* has all else; or NULL */
	message_done		*done;		/* once it is stored */
	void			*arg;		/* of done */
	unsigned		 authors;	/* of From and Sender, so far */
	bool			 forged;	/* one is not the user's */
};

TAILQ_HEAD(delivery_list, delivery);

/* A message on its way. */
struct delivery {
	TAILQ_ENTRY(delivery)	 entry;
	struct delivery_list	*in;		/* of struct commit */
	struct message		*owner;		/* NULL: nobody is told */
	struct message		 tx;		/* taken over from the owner */
	char			 session[ipc_id_bytes + 1];
	char			 name[message_name_bytes]; /* in its Maildirs */
	struct maildir_delivery	 mail;
	struct queued		*queued;	/* it is in the queue; NULL */
	int64_t			 begun_us;
	bool			 slow;		/* logged */
	int			 error;		/* errno: it is removed; or 0 */
	size_t			 left;		/* Maildirs that keep it, */
	struct recipient_mailbox left_in;	/* the first of them */
};

/* Takes t over: then it is clear but for t->delivery.  NULL without memory. */
struct delivery *delivery_make(struct message *t);
/*
 * Delivers d to at most most more Maildirs, while there is time and room in b;
 * then to the queue, if it goes there.  False: it has to be removed again.
 */
bool	delivery_go_on(struct delivery *d, struct maildir_batch *b,
	    size_t most);
/* Is d wherever it goes, once the sync has ended? */
bool	delivery_is_complete(const struct delivery *d);
/*
 * Event store-failed: error of what was tried, with the Maildir box; or NULL:
 * with the file of t.  then: what follows from it; or "".
 */
void	delivery_log_failure(const struct message *t, const char *what,
	    int error, const struct recipient_mailbox *box, const char *then);
/* Has d removed from now on, for error, which is logged with where. */
void	delivery_fail(struct delivery *d, const char *what, int error,
	    const struct recipient_mailbox *where);
/* Removes d from at most most Maildirs, while there is time.  True: all. */
bool	delivery_take_back(struct delivery *d, size_t most);
/* Logs once that d takes long; ended: that it ended, if that was logged. */
void	delivery_log_slow(struct delivery *d, bool ended);
/* d is durable: the logs have it before its client gets 250. */
void	delivery_record(struct delivery *d);
/* Tells the owner of d, which is in no list, and frees it. */
void	delivery_end(struct delivery *d);
/* The verdict for an error of the disk. */
enum verdict delivery_trouble(int error);

#endif
