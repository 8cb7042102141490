/*
 * The message log: one JSON object a line for every message that was
 * answered for, each with the BLAKE2b hash of the line before, so that a
 * changed, missing or moved line breaks the chain.
 */
#ifndef SERVER_LOG_MESSAGE_H
#define SERVER_LOG_MESSAGE_H

#include "server/recipient.h"
#include "shared/smtp_syntax.h"

enum {
	log_message_hash_bytes = 32,
	log_message_line_max_bytes = 32 * 1024,
	log_message_buffer_bytes = 4 * log_message_line_max_bytes
};

struct log_message {
	int	fd;
	uint8_t	last[log_message_hash_bytes];	/* of the last line added */
	uint8_t	written[log_message_hash_bytes]; /* of the last in the file */
	size_t	n;
	uint8_t	pending[log_message_buffer_bytes];
};

/* What is known of one message. */
struct log_message_fact {
	const char			*id;
	const char			*session;
	const char			*client;
	const struct mailbox		*from;
	const struct recipient_set	*to;
	uint64_t			 size;
};

/*
 * Opens "message" in dir and reads the last line's hash.  A last line that
 * the death of the machine cut short is moved to a file in bad and *torn is
 * set.  0, or -1 and errno.
 */
int	log_message_open(struct log_message *l, int dir, int bad, bool *torn);
/* Adds a line; it is written by the next flush. */
void	log_message_add(struct log_message *l,
	    const struct log_message_fact *fact);
/*
 * Writes what was added.  0, or -1 and errno: then the file ends with the
 * whole line it ended with before, and what was added is written by a later
 * flush, as long as there is room for it in memory.
 */
int	log_message_flush(struct log_message *l);

#endif
