/*
 * Dry runs: which replies a client would read, and why, step by step, by a
 * configuration and by what the running master knows about the client.
 */
#ifndef SERVER_DRYRUN_H
#define SERVER_DRYRUN_H

#include "server/mail/recipient.h"
#include "shared/smtp_reply.h"

/* What only a running master knows. */
struct dryrun_live {
	uint64_t	refused_ms;	/* until the client may return; or 0 */
	uint64_t	here;		/* sessions of the client */
	uint64_t	near;		/* sessions of its network */
	uint64_t	all;		/* sessions */
};

/* Free space of a file system. */
struct dryrun_room {
	uint64_t	free_bytes;
	uint64_t	total_inodes;	/* 0: no limit */
	uint64_t	free_inodes;
};

enum { dryrun_reply_bytes = smtp_reply_max_bytes };

struct dryrun {
	const struct conf		*conf;
	const struct dryrun_live	*live;	/* NULL: not known */
	const struct dryrun_room	*room;	/* NULL: not known */
	struct recipient_watch		 watch;	/* gets each step */
	struct recipient_set		 set;	/* mailboxes reached */
	uint64_t			 taken;	/* accepted recipients */
};

/*
 * Each returns true when the server would accept, and writes the reply that
 * the client would read, without its CRLF.  Would the client be let in?
 */
bool	dryrun_client(const struct dryrun *e, char reply[dryrun_reply_bytes]);
/* Would MAIL be accepted? */
bool	dryrun_mail(const struct dryrun *e, const struct ipc_mail *mail,
	    char reply[dryrun_reply_bytes]);
/* Would RCPT be accepted?  If so, it counts.  The caller clears e->set. */
bool	dryrun_rcpt(struct dryrun *e, const struct mailbox *to,
	    char reply[dryrun_reply_bytes]);
/* Writes reply as a client reads it; true when it is no error. */
bool	dryrun_reply(const char *hostname, enum smtp_reply reply,
	    char out[dryrun_reply_bytes]);

#endif
