/*
 * The files of the message log: finding the last line, putting a torn one
 * aside.
 */
#ifndef SERVER_LOG_MESSAGE_FILE_H
#define SERVER_LOG_MESSAGE_FILE_H

#include "server/log/log_record.h"

/* The line that the next one follows. */
struct log_link {
	uint64_t	n;		/* 0: there is none yet */
	uint8_t		hash[log_hash_bytes];
};

/*
 * What stands behind the last whole line of fd is moved to a file in bad, and
 * *torn set.  *out is that line: n 0 when there is none, and also, with
 * *strange set, when it is none of ours.  0, or -1 and errno.
 */
int	log_message_last(int fd, int bad, struct log_link *out, bool *torn,
	    bool *strange);
/*
 * Of the files in dir that are named "message.ANYTHING" the last line with
 * the highest number, and that file's name; *out n 0: there is none.
 * 0, or -1 and errno.
 */
int	log_message_newest(int dir, struct log_link *out, char *name,
	    size_t name_bytes);

#endif
