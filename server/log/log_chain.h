/*
 * Checks whether the chain of the message log is whole: takes line after line,
 * returns each fault.  And checkpoints: which line was the last at some time.
 * A checkpoint kept elsewhere shows later whether lines up to it were changed
 * or cut off.  Reads no file.
 */
#ifndef SERVER_LOG_CHAIN_H
#define SERVER_LOG_CHAIN_H

#include "server/log/log_record.h"

enum log_chain_fault {
	LOG_CHAIN_OK,
	LOG_CHAIN_STRANGE,	/* not a line that smtpd writes */
	LOG_CHAIN_HEADLESS,	/* the first line does not begin a file */
	LOG_CHAIN_CHANGED,	/* the number follows the previous line, the
				   hash does not: one of both was changed */
	LOG_CHAIN_MISSING,	/* so many lines before this one: missing */
	LOG_CHAIN_MOVED,	/* its number is not above the previous */
	LOG_CHAIN_NUMBER	/* hash follows, number does not: forged */
};

enum { log_checkpoint_line_bytes = 256 };

struct log_checkpoint {
	char		time[24];	/* of the line */
	uint64_t	n;
	uint8_t		hash[log_hash_bytes];
};

struct log_chain {
	bool		begun;
	uint64_t	first;		/* number of the first line */
	uint64_t	last;		/* of the last line not strange */
	uint64_t	strange;	/* strange lines since last */
	uint64_t	missing;	/* for LOG_CHAIN_MISSING */
	uint64_t	lines;
	bool		from_start;	/* first is line 1 of the log */
	uint8_t		hash[log_hash_bytes];	/* of the last line */
	uint64_t	aside;		/* number of the MOVED line; 0: none */
	uint8_t		aside_hash[log_hash_bytes];
	char		began[24];	/* time of the first line, the last */
	char		ended[24];
};

/*
 * Takes the next line, without its LF; *out is read from it unless it is
 * STRANGE.  After a fault the chain goes on from this line; a MOVED line is
 * skipped, unless the next line follows it.
 */
enum log_chain_fault log_chain_feed(struct log_chain *c, struct span line,
	    struct log_record *out);
/* Adds the line with its LF. */
void	log_chain_write_checkpoint(const struct log_checkpoint *c,
	    struct buf *out);
/* Reads a line without its LF; false: not exactly as smtpctl writes it. */
bool	log_chain_read_checkpoint(struct span line,
	    struct log_checkpoint *out);

#endif
