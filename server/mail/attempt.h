/*
 * One attempt at a queued message: its remaining recipients, in groups, each of
 * which goes to a site; and then the reports to its sender.
 */
#ifndef SERVER_ATTEMPT_H
#define SERVER_ATTEMPT_H

#include <sys/queue.h>

#include "server/mail/queue_log.h"
#include "server/process/resolver.h"
#include "server/process/reply_rule.h"

struct site;
struct site_lane;

enum { attempt_tries = 8 };	/* before a message is given up, at least */

enum attempt_state {
	ATTEMPT_WAITS,		/* for a verdict, in this attempt or the next */
	ATTEMPT_TAKEN,
	ATTEMPT_DEFERRED,
	ATTEMPT_FAILED,
	ATTEMPT_DELIVERED,	/* to a Maildir: only the report is due */
	ATTEMPT_OURS,		/* its domain is local now */
	ATTEMPT_OVER		/* reported; or not, till the next try */
};

struct attempt_rcpt {
	struct attempt_rcpt	*next;		/* in its group */
	uint8_t			 key[16];	/* of its group, at first */
	uint32_t		 index;		/* in the envelope */
	uint32_t		 offset;	/* of its octets there */
	const struct queue_fact	*fact;		/* the last; or NULL */
	uint8_t			 state;		/* enum attempt_state */
	uint8_t			 notify;
	bool			 relayed;	/* a report says so */
	bool			 logged;	/* this state and fact */
};

/* Recipients of one domain, or of one "via"; or of domains of one site. */
struct attempt_group {
	struct attempt		*attempt;
	struct attempt_rcpt	*first, *last;
	struct resolver_job	 job;
	uint16_t		 port;
	bool			 written;	/* the configuration has it */
	TAILQ_ENTRY(attempt_group) entry;	/* of lane */
	struct site		*site;
	struct path		*path;		/* with site */
	struct site_lane	*lane;		/* where it waits; or NULL */
};

struct attempt {
	struct master		*master;
	struct queued		*q;
	void			(*end)(struct attempt *a); /* it has tried, its
						   reports are due */
	struct queue_open	 open;
	bool			 is_open;
	bool			 lost;		/* there is no file */
	bool			 unread;	/* it could not be opened */
	bool			 damaged;	/* a worker found its content */
	bool			 tried;		/* a host, or the DNS */
	bool			 relayed;	/* that report is due */
	bool			 removed;
	unsigned		 sending;	/* transactions */
	unsigned		 failures;	/* of wait_for, in a row */
	struct site		*wait_for;	/* held; or NULL */
	size_t			 pending;	/* groups */
	struct attempt_group	*groups;
	size_t			 group_count;
	struct attempt_rcpt	*rcpts;
	size_t			 count;
	struct queue_fact	*facts;		/* the last is first */
};

void	attempt_free(struct attempt *a);
/* No pause is longer, so that attempt_tries of them fit in give-up-after. */
int64_t	attempt_pause_max_s(const struct master *m);
/* Opens the file of a, unless it is; false: it cannot be read. */
bool	attempt_open(struct attempt *a);
/* Closes it, if many are open, unless it is being sent. */
void	attempt_close(struct attempt *a);
/* Reads recipient r; false: that cannot be. */
bool	attempt_read(struct attempt *a, const struct attempt_rcpt *r,
	    struct ipc_rcpt *out);
/* The same as f, as long as a; NULL without memory. */
const struct queue_fact *attempt_keep(struct attempt *a,
	    const struct queue_fact *f);
/* Has g recipients without a verdict, and may they be sent? */
bool	attempt_waits(const struct attempt_group *g);
/*
 * The next transaction of g, which waits: at most max recipients without a
 * verdict, in now and, from malloc(3), *to; its file is open until
 * attempt_sent().  0: it cannot be read.
 */
size_t	attempt_next(struct attempt_group *g, size_t max,
	    struct attempt_rcpt **now, struct ipc_rcpt **to);
void	attempt_sent(struct attempt *a);
/*
 * A verdict on r, unless it has one; or on all of g.  They wait on if f is
 * smtpd's stop.
 */
void	attempt_judge(struct attempt *a, struct attempt_rcpt *r,
	    enum reply_rcpts what, const struct queue_fact *f);
void	attempt_judge_all(struct attempt_group *g, enum reply_rcpts what,
	    const struct queue_fact *f);
/* A host failed those of g that wait, and the next one is tried. */
void	attempt_log_moved(const struct attempt_group *g,
	    const struct queue_fact *f);
/* A worker crashed over the message: with the third time it is held. */
void	attempt_note_crash(struct attempt *a);
/* Is a report of that kind about r; and is one due? */
bool	attempt_is_reported(const struct attempt_rcpt *r,
	    enum report_kind kind);
bool	attempt_is_due(const struct attempt *a, enum report_kind kind);
/*
 * committed: the report is durable, or nobody wants it; of REPORT_LOCAL, the
 * message is in all Maildirs.  Else it is tried again with the message.
 */
void	attempt_reported(struct attempt *a, enum report_kind kind,
	    bool committed);
/* A group is done, or waits.  After the last one q is due at next_s. */
void	attempt_end_group(struct attempt *a);

/*
 * ---- report.c: delivery status notifications (RFC 3461, 3464) -------------
 *
 * A worker writes them, and they are committed like any message, from <> to the
 * sender.  It also copies a message whose recipients have become local.
 */

/*
 * Makes the reports that are due, a kind after another, and tells a of each by
 * attempt_reported(); then calls done, perhaps at once.
 */
void	report_all(struct attempt *a, void (*done)(struct attempt *a));

extern const struct worker_use report_use;

#endif
