/*
 * Do a certificate file and a key file belong together?  Only for processes
 * that may have a key: a child that ends soon, and the sign process.
 */
#ifndef SHARED_TLS_JUDGE_H
#define SHARED_TLS_JUDGE_H

#include <openssl/ossl_typ.h>

#include "shared/ipc_process.h"

/*
 * Judges two files.  Fills *facts but slot, as far as there is a certificate.
 * *out is the key, the caller's to free; NULL where there is a fault.
 */
void	tls_judge(struct span certificate, struct span key,
	    struct ipc_judged *facts, EVP_PKEY **out);

#endif
