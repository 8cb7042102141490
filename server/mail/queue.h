/*
 * The queue on disk: messages that leave, each a file in spool/queue/SEG
 * (shared/queue_file.h).  A journal in each SEG remembers tries; it is never
 * waited for, and nothing depends on it.
 */
#ifndef SERVER_QUEUE_H
#define SERVER_QUEUE_H

#include "server/master.h"

struct maildir_batch;
struct queue_folder;

/* In memory: small, for there may be a million.  Times are queue_now_s(). */
struct queued {
	char			 id[ipc_id_bytes];	/* without a NUL */
	struct queue_folder	*folder;
	int64_t			 queued_s;
	int64_t			 next_s;	/* due again */
	uint8_t			*done;		/* bits: queue_is_done() */
	void			*work;		/* its attempt; or the lane of a
						   site; NULL: waits */
	uint32_t		 parked;	/* its place at that site */
	uint32_t		 sender;	/* a hash; once it was begun */
	uint32_t		 lines;		/* LF to be sent */
	uint32_t		 size_kib;
	uint32_t		 rcpts;		/* of the envelope */
	uint32_t		 left;		/* not done */
	uint32_t		 refused_s;	/* age, when a site refused it
						   first; or 0 */
	uint16_t		 tries;
	uint8_t			 flags;		/* of enum content_flag */
	uint8_t			 state;		/* bits of enum queued_state */
};

enum queued_state {
	QUEUED_NOTIFIED = 1 << 1,	/* its sender had the delay report */
	QUEUED_HELD = 1 << 2,		/* not tried until released */
	QUEUED_SAVED = QUEUED_NOTIFIED | QUEUED_HELD,	/* in the journal */
	QUEUED_KNOWN = 1 << 3,		/* committed, or found on the disk */
	QUEUED_CRASHED_ONCE = 1 << 4,	/* a worker that sent it; a number */
	QUEUED_CRASHED = 3 << 4,
	QUEUED_BUSY = 1 << 6		/* an attempt has it */
};

/* A message that is being worked on. */
struct queue_open {
	int			 fd;		/* of the content, read-only */
	uint64_t		 at;		/* of its first octet to send */
	uint64_t		 size;		/* octets from there */
	uint64_t		 lines;
	uint8_t			 flags;		/* of enum content_flag */
	struct envelope		 envelope;	/* borrowed from block */
	uint8_t			*block;
};

enum { queue_mark_bytes = 16 };

/* A message on its way into the queue.  Zero is valid: no recipient. */
struct queue_draft {
	struct buf		 rcpts;		/* by envelope_add() */
	uint8_t			(*marks)[queue_mark_bytes]; /* BLAKE2b */
	size_t			 count;
	/* From queue_draft_begin() on: */
	struct queue_folder	*folder;	/* it will be there; or NULL */
	char			 name[ipc_id_bytes + 3]; /* "ID.q" */
	uint64_t		 head_bytes;	/* in front of the worker's */
	uint64_t		 head_lines;
};

/*
 * Adds a recipient, unless d has it; delivered: DSN_DELIVERED, or 0.  OK;
 * TOO_MANY: the envelope is full; TROUBLE: no memory.
 */
enum verdict queue_draft_add(struct queue_draft *d,
	    const struct ipc_rcpt *rcpt, uint8_t delivered);
/*
 * Writes e with the recipients of d, sealed, to spool/incoming/ID.q, and head,
 * the first lines of the content, behind it.  *fd is open for appending.  0; or
 * -1 and errno; queue_draft_clear() removes what is there.
 */
int	queue_draft_begin(struct master *m, struct queue_draft *d,
	    struct envelope *e, struct span head, int *fd);
/*
 * Moves the complete file into the queue; it is durable once the directories of
 * b, which has room for three more, are synced.  NULL and errno: it stays in
 * incoming.  It is not sent before queue_admit(); queue_remove() takes it back.
 */
struct queued *queue_draft_enter(struct master *m, struct queue_draft *d,
	    const struct ipc_commit *c, struct maildir_batch *b);
/* Its client was answered: it may be sent. */
void	queue_admit(struct master *m, struct queued *q);
void	queue_draft_clear(struct master *m, struct queue_draft *d);

/*
 * Opens spool/queue, and reads it by events as queue_second() has it; known()
 * is called for each message that is found, or admitted later.  What
 * cannot be read is put into spool/bad, logged, and counted.  0; or -1, errno
 * and *what.
 */
int	queue_start(struct master *m, void (*known)(struct master *m,
	    struct queued *q), const char **what);
/*
 * Once a second: journals are synced, folders closed and removed, and those
 * that nobody has are read, unless another master delivers.
 */
void	queue_second(struct master *m);
/*
 * Seconds since 1970 by a clock that does not leap, so a wrong date expires
 * nothing: it goes on from where the last master left it, by what the wall says
 * has passed, at most a day, and then as the monotonic clock does.
 */
int64_t	queue_now_s(const struct master *m);
/*
 * The next message, in no order; NULL: no more.  *cursor is 0 at first, and may
 * be kept while messages come and go: those that stay are each seen once.
 */
struct queued *queue_next(const struct master *m, size_t *cursor);
/*
 * 0: the caller calls queue_close(); or -1 and errno.  ENOENT: its file is
 * gone; EBADMSG: it is damaged, and in spool/bad now; in both cases the caller
 * logs it, and calls queue_forget().
 */
int	queue_open(struct master *m, struct queued *q, struct queue_open *out);
void	queue_close(struct queue_open *o);
/* Puts the file of q into spool/bad and logs why, and what is to be done. */
void	queue_put_aside(struct master *m, const struct queued *q,
	    const char *why);
/* Is recipient index of q done: delivered, relayed or failed? */
bool	queue_is_done(const struct queued *q, uint32_t index);
/*
 * Recipient index needs nothing more: in memory, and in the journal.  When none
 * is left, the caller calls queue_remove(); stays: but not before a report.
 */
void	queue_note_done(struct master *m, struct queued *q, uint32_t index,
	    bool stays);
/* q was tried, or its delay report was committed: the journal gets that. */
void	queue_note(struct master *m, const struct queued *q);
/* Holds q, or releases it. */
void	queue_hold(struct master *m, struct queued *q, bool held);
/* Unlinks the file of q, without a sync, and frees q. */
void	queue_remove(struct master *m, struct queued *q);
/* Frees q, whose file is gone. */
void	queue_forget(struct master *m, struct queued *q);
/* At the end: journals are written, and the next master may deliver. */
void	queue_stop(struct master *m);

struct queue_count {
	uint64_t	messages;
	uint64_t	held;
	uint64_t	bad;		/* put aside since the start */
	bool		reading;	/* not all are known yet */
};
const struct queue_count *queue_count(const struct master *m);

/* ---- schedule.c: when they are tried ------------------------------------ */

/* 0, or -1 without memory. */
int	schedule_start(struct master *m);
/* A message was committed, or found at start; it is due at its next_s. */
void	schedule_add(struct master *m, struct queued *q);
/* smtpctl: q is due now, and its site may be probed. */
void	schedule_retry(struct master *m, struct queued *q);
/* smtpctl: q is given up without a report, also while it is being sent. */
void	schedule_remove(struct master *m, struct queued *q);
/* Nothing new is begun; false: connections still wait for final dots. */
bool	schedule_drain(struct master *m);

#endif
