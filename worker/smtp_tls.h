/*
 * STARTTLS (RFC 3207) and TLS from the first octet (RFC 8314), as a session
 * sees them: what becomes of its state.
 */
#ifndef WORKER_SMTP_TLS_H
#define WORKER_SMTP_TLS_H

#include "worker/smtp.h"

/* Is STARTTLS to be named in the answer to EHLO? */
bool	smtp_tls_is_offered(const struct smtp_session *s);
/* The command: a reply, and SMTP_HANDSHAKE behind the one that agrees. */
struct outcome smtp_tls_command(struct smtp_session *s);
/*
 * The handshake.  The outcome is that of a session that begins anew under
 * TLS, without a reply to write; or the session is over, with why told to
 * the master, and nothing more is said in plain text.
 */
struct outcome smtp_tls_begin(struct smtp_session *s);

#endif
