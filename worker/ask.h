/*
 * A worker's questions to the master, one record there and one back.  The
 * master answers in server/session/dispatch.c: ask_rcpt here is on_rcpt there.
 *
 * When the master has ended, or sends what it may not, the process ends at
 * once: a client must never get a reply that the master did not decide.
 */
#ifndef WORKER_ASK_H
#define WORKER_ASK_H

#include "shared/ipc_msg.h"

/* The connection to the master. */
struct ask {
	int	channel;
	bool	file_due;	/* BEGIN was sent, ask_file not yet called */
	enum stress stress;	/* of the last STRESS */
	int64_t	idle_ms;	/* how long a client may be silent */
};

/*
 * Waits for a session and returns its connected socket, which the caller
 * closes.  *output is a separate descriptor to write to, or -1.
 */
int		ask_session(struct ask *a, struct ipc_session *out,
		    int *output);
/* May the client that a PROXY header names come in? */
enum smtp_reply ask_proxy(struct ask *a, const struct ipc_proxy *client);
/* Are the name and password right?  *l is wiped. */
enum login_answer ask_login(struct ask *a, struct ipc_login *l);
/* Without mail->wait the master does not answer, and the verdict is OK. */
enum verdict	ask_mail(struct ask *a, const struct ipc_mail *mail);
enum verdict	ask_rcpt(struct ask *a, const struct mailbox *to);
/* May the user who logged in name author as the author of the message? */
enum verdict	ask_originator(struct ask *a, const struct mailbox *author);
/*
 * After tell_begin: VERDICT_OK and the spool file in *out, which the caller
 * closes; or why there is none, and then the transaction is over.
 */
enum verdict	ask_file(struct ask *a, int *out);
/* For a handshake; out->n is 0 when there is no signature. */
void		ask_sign(struct ask *a, const struct ipc_digest *digest,
		    struct ipc_signature *out);
/* The file is on disk, with size octets: may we reply 250? */
enum verdict	ask_commit(struct ask *a, uint64_t size,
		    struct ipc_stored *out);
/*
 * Call when the channel is readable though nothing was asked.  True when the
 * master sent STRESS, which *a now has; false when the master has ended.
 */
bool		ask_is_stressed(struct ask *a);

/* Sent without waiting for an answer. */
void	tell_begin(struct ask *a);
void	tell_abort(struct ask *a, int error);
void	tell_reset(struct ask *a);
void	tell_note(struct ask *a, enum note note);
void	tell_tls(struct ask *a, const struct ipc_tls *agreed);
void	tell_tls_fail(struct ask *a, enum tls_fail why);
void	tell_proxy_fail(struct ask *a, enum proxy_fail why);
void	tell_end(struct ask *a, const struct ipc_end *end);
void	tell_trace(struct ask *a, enum ipc_trace_kind kind, uint32_t ms,
	    struct span octets);

#endif
