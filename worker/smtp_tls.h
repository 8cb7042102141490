/*
 * STARTTLS (RFC 3207) and TLS from the first octet (RFC 8314): their effect on
 * the state of a session.
 */
#ifndef WORKER_SMTP_TLS_H
#define WORKER_SMTP_TLS_H

#include "worker/smtp.h"

/* Does EHLO name STARTTLS? */
bool	smtp_tls_is_offered(const struct smtp_session *s);
/* Runs STARTTLS; SMTP_HANDSHAKE when the reply agrees to it. */
struct outcome smtp_tls_command(struct smtp_session *s);
/*
 * Runs the handshake.  Then the session begins anew under TLS, and the outcome
 * is its greeting, which after STARTTLS is not sent; or the session is over,
 * the master gets the reason, and nothing more is sent in plain text.
 */
struct outcome smtp_tls_begin(struct smtp_session *s);

#endif
