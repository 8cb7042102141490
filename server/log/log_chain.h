/*
 * The chain of the message log: adding a line to it, and checking whether it
 * is whole, line after line.  And checkpoints: which line was the last at some
 * time.  A checkpoint kept elsewhere shows later whether lines up to it were
 * changed or cut off.  Reads no file.
 */
#ifndef SERVER_LOG_CHAIN_H
#define SERVER_LOG_CHAIN_H

#include "server/log/log_record.h"

enum { log_checkpoint_line_bytes = 256 };

/* A line, which the next one has to follow. */
struct log_point {
	uint64_t	n;		/* 0: there is none */
	uint8_t		hash[log_hash_bytes];
	char		time[24];	/* "2026-11-24T00:16:26Z" */
};

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

struct log_chain {
	bool			begun;
	bool			from_start;	/* first is line 1 of the log */
	struct log_point	first;
	struct log_point	last;		/* hash: of any line */
	uint64_t		strange;	/* strange lines since last */
	uint64_t		missing;	/* for LOG_CHAIN_MISSING */
	struct log_point	aside;		/* the MOVED line */
};

/*
 * Adds the line that follows *last, with its LF, then sets *last to it.  time
 * has the form of a log_record's.
 */
void	log_chain_add(struct log_point *last, struct span time,
	    struct span body, struct buf *out);
/*
 * Reads line, without its LF, into *r.  *out is its point; n is 0 when smtpd
 * did not write it.
 */
void	log_chain_point(struct span line, struct log_record *r,
	    struct log_point *out);
/*
 * Takes the next line, without its LF; *out is read from it unless it is
 * STRANGE.  After a fault the chain goes on from this line; a MOVED line is
 * skipped, unless the next line follows it.
 */
enum log_chain_fault log_chain_feed(struct log_chain *c, struct span line,
	    struct log_record *out);
/* Adds the line of a checkpoint with its LF. */
void	log_chain_write_checkpoint(const struct log_point *p, struct buf *out);
/* Reads it without its LF; false: not exactly as smtpctl writes it. */
bool	log_chain_read_checkpoint(struct span line, struct log_point *out);

#endif
