/*
 * A worker's questions to the master, one record there and one back.  The
 * master answers in server/dispatch.c: ask_rcpt here is on_rcpt there.
 *
 * When the master is gone, or says what it may not, the process ends at
 * once: a client must never hear an answer that nobody stands behind.
 */
#ifndef WORKER_ASK_H
#define WORKER_ASK_H

#include "shared/ipc_msg.h"

/* Waits for a session; its connected socket, the caller's to close. */
int		ask_session(int channel, struct ipc_session *out);
/* With mail->wait; without it nobody answers, and the verdict is OK. */
enum verdict	ask_mail(int channel, const struct ipc_mail *mail);
enum verdict	ask_rcpt(int channel, const struct mailbox *to);
/* Asks for a spool file: VERDICT_OK and *out, the caller's to close. */
enum verdict	ask_begin(int channel, int *out);
/* The file is on disk, size octets were written: may we say 250? */
enum verdict	ask_commit(int channel, uint64_t size, struct ipc_stored *out);

/* Said without waiting for an answer. */
void	tell_abort(int channel);
void	tell_reset(int channel);
void	tell_note(int channel, enum note note);
void	tell_end(int channel, const struct ipc_end *end);
void	tell_trace(int channel, bool from_client, struct span octets);

#endif
