/*
 * One TLS handshake before anybody is served.
 */
#ifndef WORKER_TLS_TRY_H
#define WORKER_TLS_TRY_H

#include <stdbool.h>

/*
 * One session under TLS with ourselves, as a worker serves it but for the key
 * and its certificate, which are made here.  For a child that ends then: the
 * certificates of before are gone.  False: none came about.
 */
bool	tls_try(void);

#endif
