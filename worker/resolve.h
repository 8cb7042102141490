/*
 * The job of a worker that asks name servers: each name that the master sends,
 * over the socket that comes with it.
 */
#ifndef WORKER_RESOLVE_H
#define WORKER_RESOLVE_H

#include "shared/ipc_msg.h"
#include "worker/ask.h"

/* The first name, LOOKUP, is in *r; does not return. */
void	resolve_run(struct ask *master, const struct ipc_settings *settings,
	    const struct ipc_record *r, int passed, int output);

#endif
