/*
 * The message log: a JSON object a line (log_record) with the BLAKE2b hash of
 * the previous line and a number one higher, so that a changed, missing or
 * moved line breaks the chain.
 */
#ifndef SERVER_LOG_MESSAGE_H
#define SERVER_LOG_MESSAGE_H

#include <limits.h>
#include <stdio.h>
#include <sys/types.h>

#include "server/log/log_record.h"

/*
 * ---- log_chain.c: the chain, and checkpoints.  A checkpoint is the last line
 * at some time; kept elsewhere, it shows later whether lines up to it were
 * changed or cut off.
 */

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

/* ---- log_chain.c: the files in their order, and the lines of any file ---- */

struct log_file_found {
	char		path[PATH_MAX];
	uint64_t	first;		/* number of first line; 0: unknown */
	bool		strange;	/* odd name: not to be read */
};

struct log_files {
	struct log_file_found	*files;		/* the caller's to free */
	size_t			 count;
	size_t			 compressed;	/* files, not in this list */
};

/*
 * Finds "message", "message.ANYTHING" and "message-ANYTHING" in the directory
 * path (relative to at), sorted by their first line's number; unknown ones come
 * first.  0, or -1 and errno.
 */
int	log_files_find(int at, const char *path, struct log_files *out);
/* The last whole line of fd, before *end; n 0: none of ours.  0, or -1. */
int	log_files_last(int fd, struct log_point *out, off_t *end);

enum { log_lines_buffer_bytes = 128 * 1024 };

/* A file line by line, in memory of a fixed size. */
struct log_lines {
	FILE		*f;		/* the caller's to close */
	uint64_t	number;		/* of the last line returned, from 1 */
	bool		whole;		/* that line had an LF, and fit */
	uint8_t		line[log_lines_buffer_bytes];
};

/*
 * Begins with an untrusted file.  0, or -1, errno: ELOOP or (FreeBSD) EMLINK, a
 * link; EINVAL, no plain file.
 */
int	log_lines_open(struct log_lines *l, int at, const char *path);
/* Begins with f, which is NULL when it could not be opened: then -1. */
int	log_lines_begin(struct log_lines *l, FILE *f);
/* The next line, maybe cut, without its LF, for now.  1; 0; -1 and errno. */
int	log_lines_next(struct log_lines *l, struct span *out);

/* ---- log_message.c: writing ---------------------------------------------- */

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
/* Writes them.  0; or -1, errno, and none: a later flush tries again. */
int	log_message_flush(struct log_message *l);
/* Syncs them: once a second, as for each message it costs a tenth more. */
int	log_message_sync(struct log_message *l);
/*
 * Renames "message" to name, with the time in it ("": moved already, or empty),
 * and goes on in a new file.  0; or -1, errno, and nothing is changed.
 */
int	log_message_rotate(struct log_message *l,
	    char name[log_message_name_bytes]);

#endif
