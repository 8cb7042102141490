/*
 * Private keys that are not here.
 *
 * libtls wants a key with each certificate and signs with it in this process.
 * What it gets is a handle: a "key" in PEM that only our own OpenSSL provider
 * can read, and which that provider signs with by asking the sign process.
 *
 * Why a provider: libtls has no public hook for signatures made elsewhere
 * (tls_config_set_sign_cb is hidden, and passes on padded RSA input, so that a
 * compromised worker could have anything signed, even decrypted).  A provider
 * is OpenSSL 3's documented interface for this, works below any libtls, and
 * gets digest and scheme: the sign process pads, and signs SHA-2 digests only.
 */
#ifndef WORKER_TLS_KEY_H
#define WORKER_TLS_KEY_H

#include <stdbool.h>

#include "shared/ipc_msg.h"
#include "shared/span.h"

enum { tls_key_pem_bytes = 80 };

/* Asks for a signature; false, or out->n == 0: there is none. */
typedef bool	tls_key_ask(void *arg, const struct ipc_digest *digest,
		    struct ipc_signature *out);

/*
 * Loads the provider, once and before anything else of OpenSSL; its own
 * configuration file is not read.  False: it cannot be loaded.
 */
bool	tls_key_init(void);
/* Frees all handles, which nothing may use any more. */
void	tls_key_begin(void);
/*
 * Makes a handle for the key of the next pair (the first is pair 0), from the
 * public key in its certificate file.  Writes what libtls takes for the
 * private key.  False: the file has no RSA or EC certificate.
 */
bool	tls_key_add(struct span certificates, char out[tls_key_pem_bytes]);
/* Sets the function that this process asks for signatures. */
void	tls_key_ask_by(tls_key_ask *ask, void *arg);

#endif
