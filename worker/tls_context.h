/*
 * The TLS contexts: certificates, versions, suites.  The nursery makes them
 * once, so that a worker only has to be forked; they hold no private key.
 */
#ifndef WORKER_TLS_CONTEXT_H
#define WORKER_TLS_CONTEXT_H

#include <openssl/ossl_typ.h>
#include <stdbool.h>

#include "worker/lineio.h"

/* Takes a piece of a certificate file from the master, in order. */
void	tls_context_take(const struct ipc_pem *piece);
/*
 * Makes the context of so many pairs, of which all pieces were taken, and drops
 * those; with none taken, the previous context stays in use.  0 pairs: there is
 * no TLS.  NULL; or why it cannot be made.  relays: that of relays, too.
 */
const char *tls_context_make(size_t pairs, bool relays);
/* The context in use; NULL where TLS is not configured. */
SSL_CTX	*tls_context(void);
/* That of relays, which checks no certificate; NULL: none was made. */
SSL_CTX	*tls_context_client(void);
/*
 * Begins a TLS session, with a client made here, up to the signature; for a
 * child that then ends.  False: no signature was asked for.
 */
bool	tls_context_shake_hands(void);

/* ---- keys ------------------------------------------------------------- */

/*
 * OpenSSL gets a key with each certificate of our own provider, which has the
 * public half and signs by asking the sign process.  That gets digest and
 * scheme: it pads, and signs SHA-2 digests only, so that a compromised worker
 * cannot have anything decrypted.
 */

/*
 * Loads the provider, unless it is there, before anything else of OpenSSL; its
 * own configuration file is not read.  False: it cannot be loaded.
 */
bool	tls_key_init(void);
/*
 * The key of that pair (the first is pair 0), which the caller frees, from the
 * public key in its certificate; NULL: that is neither RSA nor EC.
 */
EVP_PKEY *tls_key_of(X509 *certificate, uint16_t pair);
/*
 * From now on master is asked for signatures; NULL: there are none.  *refused:
 * one that was needed was not given.
 */
void	tls_key_ask_by(struct ask *master, bool *refused);

/* ---- what each library does in its way ---------------------------------- */

/*
 * In the sign process, before anything else of the library: it wipes all that
 * it frees, as far as the library lets.  False: it cannot be had to.
 */
bool	tls_key_wipe(void);
/* The suite agreed on, as the library names it. */
const char *tls_key_suite(const SSL *ssl);
/* Is it a reason for having found nothing that both can do? */
bool	tls_key_nothing_common(int reason);

/* ---- the client's socket, or the host's, under TLS ---------------------- */

struct tls_peer {
	struct peer	*peer;
	SSL		*ssl;		/* NULL: not under TLS */
	int64_t		 deadline_ms;	/* of the current call */
	int		 error;		/* errno of the socket, or 0 */
	bool		 eof;		/* of the socket */
	bool		 refused;	/* got no signature */
};

/*
 * A handshake, until deadline_ms at most: with host ("": an address), whose
 * certificate is not checked, or a client (NULL).  True: *out says what was
 * agreed on.  False: *why.
 */
bool	tls_peer_begin(struct tls_peer *t, struct peer *peer, const char *host,
	    int64_t deadline_ms, struct ipc_tls *out, enum tls_fail *why);
/* Right behind it: why it failed with a host, in OpenSSL's words if it can. */
const char *tls_peer_reason(enum tls_fail why);
/* For the line reader after that; its arg is a struct tls_peer. */
extern const struct lineio_ops tls_peer_ops;
/* Sends close_notify, for a second at most, and frees what t owns. */
void	tls_peer_close(struct tls_peer *t);

#endif
