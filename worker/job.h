/*
 * What a worker does but for sessions (smtp.h): jobs that begin with a record,
 * which is in *r, and the descriptor that came with it.
 */
#ifndef WORKER_JOB_H
#define WORKER_JOB_H

#include "worker/ask.h"

/*
 * IPC_CLIENT with a connected socket, which it closes: the SMTP dialogue as a
 * client, one connection to one host and the messages that the master has for
 * it.
 */
void	relay_run(struct ask *master, const struct ipc_settings *settings,
	    const struct ipc_record *r, int socket, int output);
/*
 * IPC_LOOKUP with a socket to a name server: that name, and each that the
 * master sends after it.  Does not return.
 */
void	resolve_run(struct ask *master, const struct ipc_settings *settings,
	    const struct ipc_record *r, int passed, int output);
/*
 * IPC_REPORT with the file of a message, which it closes: a delivery status
 * notification (RFC 3464) about that message.
 */
void	report_run(struct ask *master, const struct ipc_settings *settings,
	    const struct ipc_record *r, int original, int output);

#endif
