/*
 * AUTH (RFC 4954): the exchange, up to a name and a password, which the master
 * checks.
 */
#ifndef WORKER_SMTP_AUTH_H
#define WORKER_SMTP_AUTH_H

#include "worker/smtp.h"

enum { smtp_auth_failures_max = 3 };	/* of one session */

/* Does EHLO name AUTH now? */
bool		smtp_auth_is_offered(const struct smtp_session *s);
/* The mechanisms that EHLO names; NULL: none. */
const char	*smtp_auth_offer(const struct smtp_session *s);
/* Runs AUTH: begins an exchange, and may end it at once. */
struct outcome	smtp_auth_begin(struct smtp_session *s, struct span arg);
/* Reading a response failed with r: the exchange ends. */
struct outcome	smtp_auth_read_failed(struct smtp_session *s,
		    enum line_result r);

#endif
