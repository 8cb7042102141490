/*
 * The job of a worker that asks name servers: the master's questions, over
 * sockets that the master gives it.
 */
#ifndef WORKER_RESOLVE_H
#define WORKER_RESOLVE_H

#include "shared/ipc_msg.h"
#include "worker/ask.h"

/* Begins with RESOLVE, which is in *r; does not return. */
void	resolve_run(struct ask *master, const struct ipc_settings *settings,
	    const struct ipc_record *r, int passed, int output);

#endif
