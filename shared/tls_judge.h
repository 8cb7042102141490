/*
 * Do a certificate file and a key file belong together, and can they be
 * served?  Found out by OpenSSL, so only where a key may be: in a child that
 * ends soon, and in the sign process.
 */
#ifndef SHARED_TLS_JUDGE_H
#define SHARED_TLS_JUDGE_H

#include <openssl/types.h>

#include "shared/ipc_tls.h"
#include "shared/span.h"

/*
 * Judges two files as they stand on the disk.  Fills facts but for its slot,
 * as far as there is a certificate.  *out is the key, the caller's to free,
 * or NULL where there is a fault.
 */
void	tls_judge(struct span certificate, struct span key,
	    struct ipc_judged *facts, EVP_PKEY **out);

#endif
