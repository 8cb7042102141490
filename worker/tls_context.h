/*
 * The TLS context: certificates, versions, suites.  The nursery makes it once,
 * so that a worker only has to be forked; it holds no private key.
 */
#ifndef WORKER_TLS_CONTEXT_H
#define WORKER_TLS_CONTEXT_H

#include <stdbool.h>

#include "shared/ipc_msg.h"

struct tls;

/* A piece of a certificate file from the master, in order. */
void	tls_context_take(const struct ipc_pem *piece);
/*
 * Makes a context of so many pairs, all of which were taken, beside the one
 * that is in use.  False, and *why in words of ours; none made.
 */
bool	tls_context_try(size_t pairs, const char **why);
/* Forgets what was taken and what was tried, but not what is in use. */
void	tls_context_forget(void);
/*
 * What was tried is in use from now on; with no pairs there is no TLS, and if
 * nothing was tried, all stays as it is.
 */
void	tls_context_use(size_t pairs);
/* The context; NULL where TLS is not configured. */
struct tls *tls_context(void);
/*
 * One session under TLS with ourselves, as a worker serves it but for the key
 * and its certificate, which are made here.  For a child that ends then: the
 * previous certificates are gone.  False: none came about.
 */
bool	tls_context_shake_hands(void);

#endif
