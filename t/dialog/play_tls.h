/*
 * A key and its certificate for the daemon under test.
 */
#ifndef T_DIALOG_PLAY_TLS_H
#define T_DIALOG_PLAY_TLS_H

#include <openssl/ossl_typ.h>

/* A new EC key (P-256), the caller's to free; NULL: there is none. */
EVP_PKEY *tls_make_ec_key(void);
/*
 * Writes an EC key (P-256) to the file key, for its owner and group alone,
 * and its certificate for the name host, signed by itself, to the file
 * certificate. Returns 0, or -1.
 */
int tls_make_pair(const char *certificate, const char *key, const char *host);

#endif
