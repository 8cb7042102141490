/*
 * Dry runs: what a client would be answered, and why, step by step: by a
 * configuration, and by what the running master told of the client.
 */
#ifndef SERVER_DRYRUN_H
#define SERVER_DRYRUN_H

#include "server/mail/recipient.h"
#include "server/mail/spool.h"
#include "server/session/address.h"
#include "shared/smtp_reply.h"

/* What only a running master knows. */
struct dryrun_live {
	struct address_note	here;		/* of the client's host */
	uint64_t		near;		/* sessions of its network */
	uint64_t		sessions;	/* in all */
};

enum { dryrun_reply_bytes = 512 };

/* As a client reads it, without its CRLF. */
struct dryrun_reply {
	bool	accepted;
	char	text[dryrun_reply_bytes];
};

/* path is that of t, whose place has a file; else NULL. */
typedef void dryrun_sink(void *arg, const struct decision_step *t,
	    const char *path);

struct dryrun {
	const struct conf		*conf;
	const struct dryrun_live	*live;	/* NULL: nobody told */
	const struct spool_room		*room;	/* NULL: it cannot be asked */
	dryrun_sink			*sink;
	void				*arg;
};

/* Would the client be let in?  *out is the first line it reads. */
void	dryrun_client(const struct dryrun *e, struct dryrun_reply *out);
/* Would MAIL be taken? */
void	dryrun_mail(const struct dryrun *e, const struct ipc_mail *mail,
	    struct dryrun_reply *out);
/* Would RCPT be, when before recipients were taken? */
void	dryrun_rcpt(const struct dryrun *e, const struct mailbox *to,
	    uint64_t before, struct dryrun_reply *out);
/* Writes reply as a client reads it, without its CRLF. */
void	dryrun_reply(const struct conf *conf, enum smtp_reply reply,
	    struct dryrun_reply *out);

#endif
