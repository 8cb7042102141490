/*
 * AUTH (RFC 4954): the exchange, up to a name and a password.  Whether they
 * are right is asked of the master.
 */
#ifndef WORKER_SMTP_AUTH_H
#define WORKER_SMTP_AUTH_H

#include "worker/smtp.h"

enum { smtp_auth_failures_max = 3 };	/* of one session */

/* Whether EHLO names it now, and it would be begun. */
bool		smtp_auth_is_offered(const struct smtp_session *s);
/* What EHLO names then; NULL: nothing. */
const char	*smtp_auth_offer(const struct smtp_session *s);
/* The command: begins an exchange, and may end it at once. */
struct outcome	smtp_auth_begin(struct smtp_session *s, struct span arg);
/* Instead of a response came what is no line: the exchange ends. */
struct outcome	smtp_auth_read_failed(struct smtp_session *s,
		    enum line_result r);

#endif
