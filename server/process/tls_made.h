/*
 * A certificate and its key made on the spot.
 */
#ifndef SERVER_TLS_MADE_H
#define SERVER_TLS_MADE_H

#include "server/process/tls_files.h"

/*
 * One pair for tests and the catcher: a key made now, and a certificate of
 * it, signed by itself, for hostname and localhost.  0, or -1.
 */
int	tls_made(const char *hostname, struct tls_files *out);

#endif
