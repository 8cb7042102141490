/*
 * Delivery status notifications (RFC 3461, 3464): a report worker writes them,
 * and they are committed like any message, from <> to the sender.  The worker
 * also copies a message whose recipients have become local, which is committed
 * in the same way, to them.
 */
#ifndef SERVER_REPORT_H
#define SERVER_REPORT_H

#include "server/mail/attempt.h"
#include "server/process/pool.h"

/*
 * Makes the reports that are due, a kind after another, and tells a of each by
 * attempt_reported(); then calls done, perhaps at once.
 */
void	report_all(struct attempt *a, void (*done)(struct attempt *a));

extern const struct worker_use report_use;

#endif
