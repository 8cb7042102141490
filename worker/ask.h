/*
 * A worker's questions to the master, one record there and one back.  The
 * master answers in server/session/dispatch.c: ask_rcpt here is on_rcpt there.
 *
 * When the master is gone, or says what it may not, the process ends at
 * once: a client must never hear an answer that nobody stands behind.
 */
#ifndef WORKER_ASK_H
#define WORKER_ASK_H

#include "shared/ipc_msg.h"

/* The way to the master, as this process has it. */
struct ask {
	int	channel;
	bool	file_due;	/* BEGIN was told, ask_file not yet called */
	enum stress stress;	/* the master's last word on it */
	int64_t	idle_ms;	/* so long may a client be silent */
};

/*
 * Waits for a session; its connected socket, the caller's to close.  Where
 * it comes in two, that is what to read, and *output what to write; else -1.
 */
int		ask_session(struct ask *a, struct ipc_session *out,
		    int *output);
/* A PROXY header says that it is this client: may it come in? */
enum proxy_answer ask_proxy(struct ask *a, const struct ipc_proxy *client);
/* Is this who it says?  l is wiped. */
enum login_answer ask_login(struct ask *a, struct ipc_login *l);
/* With mail->wait; without it nobody answers, and the verdict is OK. */
enum verdict	ask_mail(struct ask *a, const struct ipc_mail *mail);
enum verdict	ask_rcpt(struct ask *a, const struct mailbox *to);
/* May who logged in be said to have written this message? */
enum verdict	ask_originator(struct ask *a, const struct mailbox *author);
/*
 * After tell_begin: the spool file, VERDICT_OK and *out, the caller's to
 * close; or why there is none, and then the transaction is over.
 */
enum verdict	ask_file(struct ask *a, int *out);
/* For a handshake; out->n is 0 when there is no signature to be had. */
void		ask_sign(struct ask *a, const struct ipc_digest *digest,
		    struct ipc_signature *out);
/* The file is on disk, size octets were written: may we say 250? */
enum verdict	ask_commit(struct ask *a, uint64_t size,
		    struct ipc_stored *out);
/*
 * The channel is readable though nothing was asked: true when the master
 * said STRESS (and a holds what it said), false when it is gone.
 */
bool		ask_is_stressed(struct ask *a);

/* Said without waiting for an answer. */
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
