/*
 * What the log and Received say of TLS.
 */
#ifndef SERVER_TLS_LOG_H
#define SERVER_TLS_LOG_H

#include "server/master.h"

/* "TLSv1.3", and the name in IANA's registry. */
extern const char *const tls_log_versions[TLS_VERSION_COUNT];
extern const char *const tls_log_suites[TLS_SUITE_COUNT];
/* Why a certificate needs a renewal by now; NULL: it lasts for longer. */
const char *tls_log_trouble(const struct ipc_judged *facts, int64_t now_s);
/*
 * Logs each certificate that has expired or will within a week; and if fresh,
 * each one that was not served before.
 */
void	tls_log_certificates(const struct master *m, bool fresh);
#endif
