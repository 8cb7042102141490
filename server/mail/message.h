/*
 * One message from MAIL to its answer: its recipients, its files, and their way
 * into Maildirs and the queue, or out again.  commit.c decides which message is
 * next, and for how long.
 */
#ifndef SERVER_MESSAGE_H
#define SERVER_MESSAGE_H

#include <sys/queue.h>

#include "server/mail/maildir.h"
#include "server/mail/queue.h"

enum {
	message_first_max = 32,		/* Maildirs in its first turn */
	message_piece_us = 4 * 1000,	/* no new Maildir after that */
	message_name_bytes = 256
};

/* The client of a message.  All of it is borrowed until message_drop. */
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
TAILQ_HEAD(message_list, message);

/* OK, or why t, which is freed then, is not stored. */
typedef void	message_done(void *arg, enum verdict verdict,
	    const struct message *t, int64_t us);

struct message {
	struct message_client	 client;
	char			 session[ipc_id_bytes + 1];
	char			 id[ipc_id_bytes + 1];
	struct ipc_mail		 mail;
	struct mailbox		 first_rcpt;
	uint64_t		 rcpt_count;
	bool			 is_counted;	/* as mail of its user that
						   leaves */
	struct recipient_set	 boxes;
	struct queue_draft	 draft;		/* for those elsewhere */
	struct recipient_log	 rcpts;		/* as the client named them */
	uint64_t		 head_bytes;	/* in front of the worker's,
						   without the envelope */
	unsigned		 authors;	/* of From and Sender, so far */
	bool			 forged;	/* one is not the user's */
	/* From message_end() on: */
	TAILQ_ENTRY(message)	 entry;
	struct message_list	*in;		/* of struct commit */
	message_done		*done;		/* NULL: nobody is told */
	void			*arg;		/* of done */
	struct ipc_commit	 commit;	/* of its worker */
	uint64_t		 size;		/* of the file */
	char			 name[message_name_bytes]; /* in its Maildirs */
	struct maildir_delivery	 maildirs;
	struct queued		*queued;	/* it is in the queue; NULL */
	int64_t			 begun_us;
	bool			 slow;		/* logged */
	int			 error;		/* errno: it is removed; or 0 */
	size_t			 left;		/* Maildirs that keep it, */
	struct recipient_mailbox left_in;	/* the first of them */
};

/*
 * Begins *out.  OK; DISK_FULL: there is no space for what mail announces, and
 * the caller goes on or drops it; TROUBLE: no memory, and *out is NULL.
 */
enum verdict message_start(const struct message_client *from,
	    const struct ipc_mail *mail, struct message **out);
/*
 * Adds the Maildirs that the recipient reaches; or, if it is elsewhere and the
 * client may send out, adds it to the envelope.  BROKEN, which is logged: a
 * user's own is, or all that were probed of an alias.  *named: Maildirs found.
 */
enum verdict message_add(struct message *t, const struct ipc_rcpt *rcpt,
	    struct recipient_reason *reason, size_t *named);
/*
 * Creates the spool file with our trace fields, two if t goes to Maildirs and
 * into the queue; the caller closes fds, of which -1 is none.  OK; or why not:
 * then that is in the log, and the caller drops t.
 */
enum verdict message_begin(struct message *t, int fds[2]);
/*
 * Delivers t, if its files are as its worker says, calls done unless t is
 * dropped before, and frees t.  OK; or why not, as above.  BROKEN: no honest
 * worker leaves such files.
 */
enum verdict message_end(struct message *t, const struct ipc_commit *c,
	    message_done *done, void *arg);
/*
 * Gives *t up, for error (errno) of its file, or 0, and sets it to NULL, as it
 * may be: it is removed from the spool and, unless stored, from Maildirs.
 */
void	message_drop(struct message **t, int error);

/* ---- commit.c: many in one turn, or one in pieces ----------------------- */

/* 0, or -1 and errno. */
int	commit_init(struct master *m);
/* Delivers t, whose files are complete, and ends it. */
void	commit_add(struct message *t);
/* Removes what Maildirs have of t, ends it, and tells nobody. */
void	commit_forget(struct message *t);
/* At the end: delivers what takes one turn, and removes all else again. */
void	commit_finish(struct master *m);

/* ---- for commit.c ------------------------------------------------------- */

/*
 * Delivers t to at most most more Maildirs, while there is time and room in b;
 * then to the queue, if it goes there.  False: it has to be removed again.
 */
bool	message_go_on(struct message *t, struct maildir_batch *b, size_t most);
/* Is t wherever it goes, once the sync has ended? */
bool	message_is_complete(const struct message *t);
/* Has t removed from now on, for error, which is logged with where. */
void	message_fail(struct message *t, const char *what, int error,
	    const struct recipient_mailbox *where);
/* Removes t from at most most Maildirs, while there is time.  True: all. */
bool	message_take_back(struct message *t, size_t most);
/* Logs once that t takes long; ended: that it ended, if that was logged. */
void	message_log_slow(struct message *t, bool ended);
/* t is durable: the logs have it before its client gets 250. */
void	message_record(const struct message *t);
/* Tells the owner of t, which is in no list, and frees t. */
void	message_finish(struct message *t);

#endif
