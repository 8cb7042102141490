/*
 * The message log: one JSON object a line for every message that was
 * answered for, each with the BLAKE2b hash of the line before and a number
 * one higher, so that a changed, missing or moved line breaks the chain.
 * The form of a line is log_record's.
 */
#ifndef SERVER_LOG_MESSAGE_H
#define SERVER_LOG_MESSAGE_H

#include <sys/types.h>

#include "server/log/log_message_file.h"
#include "server/log/log_record.h"

enum {
	log_message_buffer_bytes = 4 * log_line_bytes,
	log_message_name_bytes = 48	/* of a file that was rotated */
};

struct log_message {
	int		fd;
	int		dir;		/* borrowed; its lock is the log's */
	int		bad;			/* borrowed */
	off_t		size;			/* of the file, as we know it */
	bool		moved_on;		/* since log_message_rotate */
	bool		unsynced;		/* since log_message_sync */
	struct log_link	last;			/* line in the file */
	size_t		n;
	uint8_t		pending[log_message_buffer_bytes]; /* no links yet */
};

/*
 * Opens "message" in dir, which has to stay open as bad has, and reads which
 * line is the last; where there is none, that of the file that was rotated
 * last.  A last line that the death of the machine cut short is moved to a
 * file in bad and *torn is set.  0, or -1 and errno.
 *
 * Several masters may have the log of one root open: a lock of dir is held
 * while one reads and writes, and each goes on behind what others wrote, also
 * in a new file when another has rotated the old one.
 */
int	log_message_open(struct log_message *l, int dir, int bad, bool *torn);
/*
 * Adds a line, which the next flush links to the last one and writes.  helo,
 * user, from and file of r are plain, all else of STORE is as log_record has
 * it; time, n and previous are the log's.
 */
void	log_message_add(struct log_message *l, const struct log_record *r);
/*
 * Writes what was added.  0, or -1 and errno: then the file ends with the
 * whole line it ended with before, and what was added is written by a later
 * flush, as long as there is room for it in memory.
 */
int	log_message_flush(struct log_message *l);
/*
 * Makes durable what was written: not for every message, which would cost a
 * tenth of the rate, but once a second.  0, or -1 and errno.
 */
int	log_message_sync(struct log_message *l);
/*
 * Gives "message" a name with the time in it, which is put into name, and
 * goes on in a new one, whose first line follows the last of the old.  When
 * somebody else has moved it away already, or it is empty, name is "".
 * 0; or -1 and errno, and it goes on in the file it has.
 */
int	log_message_rotate(struct log_message *l,
	    char name[log_message_name_bytes]);

#endif
