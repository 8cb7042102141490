/*
 * What becomes of a queued message: each fact goes to the event log, to the
 * message log and to the counters, with the same words.
 */
#ifndef SERVER_QUEUE_LOG_H
#define SERVER_QUEUE_LOG_H

#include "server/log/log_record.h"
#include "server/mail/queue.h"

/* The words of stages and ends. */
extern const char *const queue_log_stages[RELAY_STAGE_COUNT],
    *const queue_log_ends[RELAY_END_COUNT];

/* What a host said, and which one; recipients share it. */
struct queue_fact {
	struct queue_fact	*next;		/* of attempt.c */
	struct ipc_fact		 fact;		/* without a host: none was
						   asked */
	struct ip		 ip;
	uint16_t		 port;		/* 0: no address was tried */
	struct ipc_greeted	 greeted;	/* all zero: not yet */
};

/* Recipients that share a fact. */
struct queue_outcome {
	const struct mailbox	*to;		/* the first of them */
	uint32_t		 count;
	struct span		 list;		/* by queue_log_add() */
	const struct queue_fact	*fact;
	bool			 deferred;	/* until next_s of q; or the
						   next host is asked */
};

enum { queue_log_list_bytes = 8 * 1024 };

/* Adds a recipient; false: list is full. */
bool	queue_log_add(struct buf *list, const struct mailbox *to);
/* Event: LOG_EVENT_TRY, DONE or FAILED. */
void	queue_log_outcome(struct master *m, enum log_event event,
	    const struct queued *q, const struct queue_outcome *o);
/*
 * The hosts of a site, named by one of them, take nothing for so many seconds,
 * because of f and failures in a row; f NULL: they do again.
 */
void	queue_log_site(const char *site, const struct queue_fact *f,
	    uint64_t failures, uint64_t seconds, uint64_t waiting);
/* A report about q has this id. */
void	queue_log_notice(struct master *m, const struct queued *q,
	    enum report_kind kind, const char *report);
/* Event: LOG_EVENT_HELD, RELEASED or REMOVED, by "smtpd", "root"; why or "". */
void	queue_log_by(struct master *m, enum log_event event,
	    const struct queued *q, const char *by, const char *why);

#endif
