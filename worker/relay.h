/*
 * The SMTP dialogue as a client: one connection to one host, and the messages
 * that the master has for it.
 */
#ifndef WORKER_RELAY_H
#define WORKER_RELAY_H

#include "worker/ask.h"

/* The job of IPC_CLIENT, which is in *r, with a connected socket; closes it. */
void	relay_run(struct ask *master, const struct ipc_settings *settings,
	    const struct ipc_record *r, int socket, int output);

#endif
