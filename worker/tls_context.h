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
 * OpenSSL gets with each certificate a key of our own provider, LibreSSL one
 * with a method of our own, which has the public half and signs by asking the
 * sign process.  That gets digest and scheme: it pads, and signs SHA-2 digests
 * only, so that a compromised worker cannot have anything decrypted.  Of
 * LibreSSL it gets for RSA-PSS what is padded already, and looks whether it is.
 */

/*
 * Prepares that once, in nursery and workers, before anything else of the
 * library, whose configuration file is not read.  False: it cannot be done.
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
void	tls_context_ask_by(struct ask *master, bool *refused);
/* For a key: asks.  Returns the length in out, at most max; 0: none. */
size_t	tls_context_sign(uint16_t pair, enum sign_scheme scheme,
	    struct span what, uint8_t *out, size_t max);

/* ---- what each library does in its way ---------------------------------- */

/*
 * In the sign process, before anything else of the library: it wipes all that
 * it frees, as far as the library lets.  False: it cannot be had to.
 */
bool	tls_key_wipe(void);
/*
 * There, too: is block a PSS encoding (RFC 8017 9.1.2) for an RSA key of so
 * many bits, with a hash of SHA-2 and a salt as long?  False where the library
 * does not ask for blocks.
 */
bool	tls_key_is_pss(struct span block, int key_bits);
/* The suite agreed on, by its registered name if there is one. */
const char *tls_key_suite(const SSL *ssl);
/* What a reason means that is this library's; TLS_FAIL_COUNT: none of its. */
enum tls_fail tls_key_fail(int reason);

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
