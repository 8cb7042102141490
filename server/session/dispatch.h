/*
 * What a worker says, and what the master answers: on_rcpt here is ask_rcpt
 * in worker/ask.c.
 */
#ifndef SERVER_DISPATCH_H
#define SERVER_DISPATCH_H

#include "server/master.h"

/* Receives what waits on w's channel (libevent callback, arg a worker). */
void	dispatch_worker(evutil_socket_t fd, short what, void *worker);
/* What w says is read again (libevent callback, arg a worker). */
void	dispatch_go_on(evutil_socket_t fd, short what, void *worker);

#endif
