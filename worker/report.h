/*
 * The job that writes a delivery status notification (RFC 3464) about a message
 * that did not go its way, or went it and was to be reported.
 */
#ifndef WORKER_REPORT_H
#define WORKER_REPORT_H

#include "worker/ask.h"

/*
 * The job of IPC_REPORT, which is in *r, with the file of the message that the
 * report is about, which it closes.
 */
void	report_run(struct ask *master, const struct ipc_settings *settings,
	    const struct ipc_record *r, int original, int output);

#endif
