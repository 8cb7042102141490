/*
 * What was decided for the recipients a client named, gathered while they
 * come in, in the form the message log has it in.
 */
#ifndef SERVER_RECIPIENT_LOG_H
#define SERVER_RECIPIENT_LOG_H

#include "server/mail/recipient.h"
#include "shared/buf.h"
#include "shared/ipc_msg.h"

enum { recipient_log_max_bytes = 16 * 1024 };

/* Zero is valid and empty. */
struct recipient_log {
	char		*text;	/* "{...},{...}" */
	size_t		 n;
	size_t		 room;
	uint64_t	 count;	/* all of them; text names those it can */
};

/*
 * Adds the recipient with its verdict ("ok", or why not) and what reason
 * has.  What finds no room, or no memory, is only counted.
 */
void	recipient_log_add(struct recipient_log *l, const struct mailbox *to,
	    const char *verdict, const struct recipient_reason *reason);
void	recipient_log_clear(struct recipient_log *l);
/*
 * The first mailboxes of to, as many as out takes:
 * "\"alice@example.org\",..."
 */
void	recipient_log_mailboxes(const struct recipient_set *to,
	    struct buf *out);

#endif
