/*
 * Delivery status notifications (RFC 3461, 3464): a report worker writes them,
 * and they are committed like any message, from <> to the sender.  The worker
 * also copies a message whose recipients have become local, which is committed
 * in the same way, to them.
 */
#ifndef SERVER_REPORT_H
#define SERVER_REPORT_H

#include "server/mail/queue.h"
#include "server/process/pool.h"

/* A recipient of q, by its place in rcpts of the envelope; its last outcome. */
struct report_rcpt {
	uint32_t	offset;
	struct ipc_fact	fact;
};

/*
 * Reports about recipients of q to its sender; rcpts is copied.  done() is
 * called later, never before this returns; committed: the report is in the
 * queue or in a Maildir, or there is nobody to whom it may be sent (q has the
 * null sender, or NOTIFY forbids it for all); of REPORT_LOCAL, the message is in
 * all Maildirs; false: to be tried again later.  q must not be removed before.
 * 0, or -1 without memory.
 */
int	report_make(struct master *m, struct queued *q, enum report_kind kind,
	    const struct report_rcpt *rcpts, size_t count, int64_t until_s,
	    void (*done)(void *arg, bool committed), void *arg);

extern const struct worker_use report_use;

#endif
