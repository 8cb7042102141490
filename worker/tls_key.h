/*
 * Private keys that are not here.
 *
 * libtls wants a key with each certificate and signs with it in this process.
 * What it gets is a handle: a "key" in PEM that only our own OpenSSL provider
 * can read, and which that provider signs with by asking the sign process.
 *
 * Why a provider: libtls has no public hook for signatures made elsewhere
 * (tls_config_set_sign_cb is hidden in a shared libtls, and hands out what is
 * left of RSA after padding, so that the holder of the key would do whatever
 * a broken worker wants: decrypt, too).  A provider is OpenSSL 3's documented
 * seam for keys that live elsewhere, works below any libtls on it, and gives
 * us the digest and the scheme: so the sign process pads itself, and makes
 * signatures of SHA-2 digests and nothing else.
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
/*
 * Begins a new set of handles, beside the one that is in use; another that was
 * begun is freed, and nothing may use it any more.
 */
void	tls_key_begin(void);
/* The set that was begun last is in use; the other one is not any more. */
void	tls_key_use(void);
/*
 * A handle for the key of the next pair (the first is pair 0), whose
 * certificate file is given; only its public key is looked at.  Writes what
 * libtls takes for the private key.  False: no RSA or EC certificate there.
 */
bool	tls_key_add(struct span certificates, char out[tls_key_pem_bytes]);
/* Whom this process asks from now on. */
void	tls_key_ask_by(tls_key_ask *ask, void *arg);

#endif
