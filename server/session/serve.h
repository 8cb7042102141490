/*
 * Sessions that wait for a worker, which they get in a fair order.
 */
#ifndef SERVER_SERVE_H
#define SERVER_SERVE_H

#include "server/session/session.h"

/* How a worker is used for a session. */
extern const struct worker_use serve_use;

/* 0, or -1 and errno. */
int	serve_start(struct master *m);
/* s waits for a worker from now on; it may have one when this returns. */
void	serve_wait(struct session *s);

#endif
