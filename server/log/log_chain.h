/*
 * Is the chain of the message log whole?  Line after line is fed in; what is
 * wrong comes out.  And checkpoints: which line was the last, at some time.
 * Kept elsewhere, one tells later whether lines up to there were changed or
 * cut off.  Reads no file.
 */
#ifndef SERVER_LOG_CHAIN_H
#define SERVER_LOG_CHAIN_H

#include "server/log/log_record.h"

enum log_chain_fault {
	LOG_CHAIN_OK,
	LOG_CHAIN_STRANGE,	/* no line that smtpd writes */
	LOG_CHAIN_HEADLESS,	/* the first one is not that of a file */
	LOG_CHAIN_CHANGED,	/* this one does not follow the one before,
				   though its number does: one was changed */
	LOG_CHAIN_MISSING,	/* missing: how many lines before this one */
	LOG_CHAIN_MOVED,	/* its number is not above the one before */
	LOG_CHAIN_NUMBER	/* it follows, with another number: forged */
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
	uint64_t	last;		/* of the last one that was ours */
	uint64_t	strange;	/* lines since that one */
	uint64_t	missing;	/* by the last fault */
	uint64_t	lines;
	bool		from_start;	/* the first follows nothing */
	uint8_t		hash[log_hash_bytes];	/* of the last line */
	uint64_t	aside;		/* number of a line that was MOVED */
	uint8_t		aside_hash[log_hash_bytes];
	char		began[24];	/* time of the first line, the last */
	char		ended[24];
};

/*
 * Takes the next line, without its LF; *out is read from it unless it is
 * STRANGE.  After a fault it goes on from this line; but one that was moved
 * is stepped over, unless the next one follows it.
 */
enum log_chain_fault log_chain_feed(struct log_chain *c, struct span line,
	    struct log_record *out);
/* Adds the line with its LF. */
void	log_chain_write_checkpoint(const struct log_checkpoint *c,
	    struct buf *out);
/* Reads a line without its LF; false when it is not exactly one of ours. */
bool	log_chain_read_checkpoint(struct span line,
	    struct log_checkpoint *out);

#endif
