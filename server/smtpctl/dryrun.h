/*
 * Dry runs: what a client would be answered, and why, step by step: by a
 * configuration, and by what the running master told of the client.
 */
#ifndef SERVER_DRYRUN_H
#define SERVER_DRYRUN_H

#include "server/mail/recipient.h"
#include "shared/smtp_reply.h"

/* What only a running master knows. */
struct dryrun_live {
	uint64_t	refused_ms;	/* the client still; 0: not at all */
	uint64_t	here;		/* its sessions */
	uint64_t	near;		/* those of its network */
	uint64_t	all;
};

/* What is left on a disk. */
struct dryrun_room {
	uint64_t	free_bytes;
	uint64_t	total_inodes;	/* 0: there is no table of them */
	uint64_t	free_inodes;
};

enum { dryrun_reply_bytes = smtp_reply_max_bytes };

struct dryrun {
	const struct conf		*conf;
	const struct dryrun_live	*live;	/* NULL: nobody told */
	const struct dryrun_room	*room;	/* NULL: it cannot be asked */
	struct recipient_watch		 watch;	/* told each step */
	struct recipient_set		 set;	/* what was taken reaches */
	uint64_t			 taken;	/* recipients */
};

/*
 * Each is true when the server would say yes; reply is what a client would
 * read, without its CRLF.  Would the client be let in?
 */
bool	dryrun_client(const struct dryrun *e, char reply[dryrun_reply_bytes]);
/* Would MAIL be taken? */
bool	dryrun_mail(const struct dryrun *e, const struct ipc_mail *mail,
	    char reply[dryrun_reply_bytes]);
/* Would RCPT be?  It counts then, and set is the caller's to clear. */
bool	dryrun_rcpt(struct dryrun *e, const struct mailbox *to,
	    char reply[dryrun_reply_bytes]);
/* Writes reply as a client reads it; true when it is no refusal. */
bool	dryrun_reply(const char *hostname, enum smtp_reply reply,
	    char out[dryrun_reply_bytes]);

#endif
