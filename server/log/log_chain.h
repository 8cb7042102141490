/*
 * The chain of the message log.  A checkpoint is its last line at some time;
 * kept elsewhere, it shows later whether lines up to it were changed or cut
 * off.
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

/* Zero is valid. */
struct log_chain {
	bool			begun;
	bool			from_start;	/* first is line 1 of the log */
	bool			taken;		/* last is the line just fed */
	struct log_point	first;
	struct log_point	last;		/* hash: of any line */
	uint64_t		strange;	/* not of smtpd, since last */
	struct log_point	aside;		/* skipped: out of order */
};

enum { log_chain_why_bytes = 20 * 1024 };

/* Adds the line that follows *last, with its LF, and sets *last to it. */
void	log_chain_add(struct log_point *last, struct span time,
	    struct span body, struct buf *out);
/* Reads line, without its LF; out->n is 0 when smtpd did not write it. */
void	log_chain_point(struct span line, struct log_record *r,
	    struct log_point *out);
/*
 * Takes the next line, without its LF.  False: it does not follow that before
 * ("FILE:LINE"); why says it for a person.  The chain goes on from this line;
 * but one out of order is skipped, unless the next line follows it.
 */
bool	log_chain_feed(struct log_chain *c, struct span line,
	    const char *before, char why[log_chain_why_bytes]);
/* Adds the line of a checkpoint with its LF. */
void	log_chain_write_checkpoint(const struct log_point *p, struct buf *out);
/* Reads it without its LF; false: not exactly as smtpctl writes it. */
bool	log_chain_read_checkpoint(struct span line, struct log_point *out);

#endif
