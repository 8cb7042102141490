/*
 * Decisions on the recipients that a client named, gathered as they come in, in
 * the form that the message log has.
 */
#ifndef SERVER_RECIPIENT_LOG_H
#define SERVER_RECIPIENT_LOG_H

#include "server/mail/recipient.h"
#include "shared/buf.h"
#include "shared/ipc_msg.h"

enum { recipient_log_max_bytes = 16 * 1024 };

/* Zero is valid and empty. */
struct recipient_log {
	uint8_t		*text;	/* "{...},{...}" */
	size_t		 n;
	uint64_t	 count;	/* all of them; text has those that fit */
};

/*
 * Adds the recipient with its verdict ("ok", or why not) and the steps of
 * reason.  One that does not fit, or that lacks memory, is only counted.
 */
void	recipient_log_add(struct recipient_log *l, const struct mailbox *to,
	    const char *verdict, const struct recipient_reason *reason);
void	recipient_log_clear(struct recipient_log *l);
/*
 * Writes the first mailboxes of to, as many as fit, to out:
 * "\"alice@example.org\",..."
 */
void	recipient_log_mailboxes(const struct recipient_set *to,
	    struct buf *out);

#endif
