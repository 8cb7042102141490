/*
 * What a worker says, and what the master answers: on_rcpt here is ask_rcpt
 * in worker/ask.c.
 */
#ifndef SERVER_DISPATCH_H
#define SERVER_DISPATCH_H

#include "server/master.h"

/*
 * Answers what the worker of a session says.  False: the worker broke the
 * contract.  True: the session goes on, or is gone.
 */
bool	dispatch_record(void *session, const struct ipc_record *r);

#endif
