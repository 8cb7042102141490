/*
 * The message log: a JSON object a line (log_record) with the BLAKE2b hash of
 * the previous line and a number one higher, so that a changed, missing or
 * moved line breaks the chain.
 */
#ifndef SERVER_LOG_MESSAGE_H
#define SERVER_LOG_MESSAGE_H

#include <limits.h>
#include <sys/types.h>

#include "server/log/log_chain.h"

enum {
	log_message_buffer_bytes = 4 * log_line_bytes,
	log_message_name_bytes = 48	/* of a rotated file */
};

struct log_message {
	int		fd;
	int		dir;		/* borrowed; flock(2)ed */
	int		bad;			/* borrowed */
	off_t		size;			/* of the file, as we know it */
	bool		moved_on;		/* since log_message_rotate */
	bool		unsynced;		/* since log_message_sync */
	struct log_point last;			/* line written */
	char		after[NAME_MAX + 1];	/* file that has it; "": fd's */
	size_t		n;
	uint8_t		pending[log_message_buffer_bytes]; /* no numbers yet */
};

/*
 * Opens "message" in dir, to go on behind its last line or that of the newest
 * rotated file.  dir and bad have to stay open.  A line that a crash cut short
 * is moved to bad, and *torn is set.  Several masters may have one log open:
 * each locks dir while it reads and writes, and goes on behind the others.  0,
 * or -1 and errno.
 */
int	log_message_open(struct log_message *l, int dir, int bad, bool *torn);
/* Adds a line of r's event, with its time, for the next flush; escapes it. */
void	log_message_add(struct log_message *l, const struct log_record *r);
/*
 * Writes the added lines.  0, or -1 and errno: none is written, and a later
 * flush tries again, as long as the buffer holds them.
 */
int	log_message_flush(struct log_message *l);
/* Syncs them: once a second, as for each message it costs a tenth more. */
int	log_message_sync(struct log_message *l);
/*
 * Renames "message" to name, with the time in it ("": it was moved already or
 * is empty), and goes on in a new file.  0; or -1, errno, and nothing is
 * changed.
 */
int	log_message_rotate(struct log_message *l,
	    char name[log_message_name_bytes]);

#endif
