/*
 * Whether a certificate file and a key file belong together and can be used.
 * OpenSSL parses them, so only processes that may have a key call this: a
 * child that ends soon, and the sign process.
 */
#ifndef SHARED_TLS_JUDGE_H
#define SHARED_TLS_JUDGE_H

#include <openssl/types.h>

#include "shared/ipc_process.h"
#include "shared/span.h"

/*
 * Judges the contents of two files.  Fills *facts except slot, as far as there
 * is a certificate.  *out is the key, the caller's to free, or NULL where
 * there is a fault.
 */
void	tls_judge(struct span certificate, struct span key,
	    struct ipc_judged *facts, EVP_PKEY **out);

#endif
