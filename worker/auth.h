/*
 * The auth process: it holds the table of passwords and answers whether one
 * is right, and sees no octet of a client's but a name and a password.
 */
#ifndef WORKER_AUTH_H
#define WORKER_AUTH_H

/* Runs it on channel until the master is gone; never returns. */
_Noreturn void	auth_run(int channel);

#endif
