/*
 * What is said of TLS: in the log, and in Received.
 */
#ifndef SERVER_TLS_LOG_H
#define SERVER_TLS_LOG_H

#include "server/master.h"

/* "TLSv1.3". */
const char *tls_log_version(const struct ipc_tls *t);
/* The name in IANA's registry. */
const char *tls_log_suite(const struct ipc_tls *t);
/* What is the matter with a certificate by now; NULL: it lasts for longer. */
const char *tls_log_trouble(const struct ipc_judged *facts, int64_t now_s);
/*
 * What is served from now on: fresh: each certificate that was not served
 * before.  One that has ended, or will soon, is logged in any case.
 */
void	tls_log_certificates(const struct master *m, bool fresh);
#endif
