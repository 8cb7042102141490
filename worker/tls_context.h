/*
 * The TLS context: certificates, versions, suites.  The nursery makes it once,
 * so that a worker only has to be forked; it holds no private key.
 */
#ifndef WORKER_TLS_CONTEXT_H
#define WORKER_TLS_CONTEXT_H

#include <stdbool.h>

#include "shared/ipc_msg.h"

struct tls;

/* Takes a piece of a certificate file from the master, in order. */
void	tls_context_take(const struct ipc_pem *piece);
/*
 * Makes a context of so many pairs, all of which were taken, beside the one
 * in use.  False: there is none, and *why says why.
 */
bool	tls_context_try(size_t pairs, const char **why);
/* Drops pieces taken and the context tried, but not the one in use. */
void	tls_context_forget(void);
/*
 * Puts the context tried last into use; with 0 pairs there is no TLS.  If none
 * was made, the previous context stays in use.
 */
void	tls_context_use(size_t pairs);
/* The context in use; NULL where TLS is not configured. */
struct tls *tls_context(void);
/* Makes the context of relays, unless there is one; once in the nursery. */
bool	tls_context_make_client(void);
/*
 * That context: no certificate of a host is checked, for a host without TLS
 * would be taken as well; NULL: none was made.
 */
struct ssl_ctx_st *tls_context_client(void);
/*
 * Begins a TLS session by the context tried, as a worker does, with a client
 * made here, up to the signature.  For a child that then ends.  False: no
 * signature was asked for.
 */
bool	tls_context_shake_hands(void);

#endif
