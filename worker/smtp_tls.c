/*
 * From plain text to TLS.  There is no way back, and no state is kept.
 */
#include "worker/smtp_tls.h"

#include "shared/deadline.h"
#include "worker/ask.h"
#include "worker/tls_context.h"
#include "worker/transcript.h"

enum { handshake_ms = 60000 };

/*
 * Octets that came behind the command would be read as if they had come under
 * TLS: a man in the middle can inject them (RFC 3207 6; CVE-2011-0411).
 */
static struct outcome
refuse_injected(struct smtp_session *s)
{
	tell_tls_fail(s->master, TLS_FAIL_INJECTED);
	s->end.end = END_TLS;
	return (struct outcome){ REPLY_INJECTED, SMTP_CLOSE };
}

bool
smtp_tls_is_offered(const struct smtp_session *s)
{
	return !s->tls && tls_context() != NULL &&
	    (s->lacks & IPC_LACKS_TLS) == 0;
}

struct outcome
smtp_tls_command(struct smtp_session *s)
{
	if (s->tls)
		return smtp_go_on(REPLY_TLS_ALREADY);
	if (s->lacks & IPC_LACKS_TLS)
		return smtp_go_on(REPLY_TLS_TROUBLE);
	if (tls_context() == NULL) {
		transcript_hint("the program wants STARTTLS: set it to no "
		    "encryption, or start the catcher with --starttls");
		return smtp_go_on(REPLY_NO_TLS);
	}
	/* The login would have to be forgotten, but the master keeps it. */
	if (s->logged_in)
		return smtp_go_on(REPLY_AUTH_AGAIN);
	if (lineio_buffered(s->io) > 0 || peer_has_input(s->peer))
		return refuse_injected(s);
	return (struct outcome){ REPLY_START_TLS, SMTP_HANDSHAKE };
}

/* RFC 3207 4.2: all that the client said is forgotten, the EHLO name too. */
static void
forget(struct smtp_session *s)
{
	s->state = SMTP_START;
	s->esmtp = false;
	s->smtputf8 = false;
	s->helo_len = 0;
	s->recipients = 0;
	lineio_forget(s->io, &tls_peer_ops, &s->under_tls);
	s->tls = true;
}

struct outcome
smtp_tls_begin(struct smtp_session *s)
{
	int64_t until = deadline_now_ms() + handshake_ms;
	struct ipc_tls agreed;
	enum tls_fail why;

	if (until > deadline_now_ms() + s->io->idle_ms)
		until = deadline_now_ms() + s->io->idle_ms;
	if (tls_peer_accept(&s->under_tls, s->peer, until, &agreed, &why)) {
		tell_tls(s->master, &agreed);
		transcript_remark("TLS begins here");
		forget(s);
		return (struct outcome){ REPLY_GREETING, SMTP_GO_ON };
	}
	transcript_remark("no TLS came about");
	transcript_refused();
	tell_tls_fail(s->master, why);
	s->end.end = END_TLS;
	return (struct outcome){ REPLY_BYE, SMTP_CLOSE_NOW };
}
