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
 * Moves octets behind the last whole line of fd to a file in bad, and then sets
 * *torn.  *out is that line: n is 0 when there is none, and also, with *strange
 * set, when smtpd did not write it.  0, or -1 and errno.
 */
int	log_message_last(int fd, int bad, struct log_link *out, bool *torn,
	    bool *strange);
/*
 * Reads the last line of each "message.ANYTHING" and "message-ANYTHING" in dir;
 * *out is the one with the highest number (n 0: there is none), name its file.
 * 0, or -1 and errno.
 */
int	log_message_newest(int dir, struct log_link *out, char *name,
	    size_t name_bytes);

#endif
