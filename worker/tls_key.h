/*
 * Private keys that are not here.  OpenSSL wants a key with each certificate,
 * and signs with it in this process.  What it gets is a key of our own OpenSSL
 * provider, which has the public half and signs by asking the sign process.
 * That gets digest and scheme: it pads, and signs SHA-2 digests only, so that a
 * compromised worker cannot have anything decrypted.
 */
#ifndef WORKER_TLS_KEY_H
#define WORKER_TLS_KEY_H

#include <openssl/types.h>
#include <stdbool.h>

#include "shared/ipc_msg.h"

/* Asks for a signature; false, or out->n == 0: there is none. */
typedef bool	tls_key_ask(void *arg, const struct ipc_digest *digest,
		    struct ipc_signature *out);

/*
 * Loads the provider, once and before anything else of OpenSSL; its own
 * configuration file is not read.  False: it cannot be loaded.
 */
bool	tls_key_init(void);
/*
 * The key of that pair (the first is pair 0), which the caller frees, from the
 * public key in its certificate; NULL: that is neither RSA nor EC.
 */
EVP_PKEY *tls_key_of(X509 *certificate, uint16_t pair);
/* Sets the function that this process asks for signatures. */
void	tls_key_ask_by(tls_key_ask *ask, void *arg);

#endif
