/*
 * The sign process: it holds the private keys and answers digests, and sees
 * no octet of a client's.
 */
#ifndef WORKER_SIGN_H
#define WORKER_SIGN_H

/* Runs it on channel until the master is gone; never returns. */
_Noreturn void	sign_run(int channel);

#endif
