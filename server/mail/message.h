/* One message from MAIL to its commit. */
#ifndef SERVER_MESSAGE_H
#define SERVER_MESSAGE_H

#include "server/mail/delivery.h"

/* Begins t.  False: the disk has no space for what mail announces. */
bool	message_start(struct message *t, const struct message_client *from,
	    const struct ipc_mail *mail);
/*
 * Adds the Maildirs that the recipient reaches; or, if it is elsewhere and the
 * client may send out, adds it to the envelope.  BROKEN, which is logged: a
 * user's own is, or all that were probed of an alias.  *named: Maildirs found.
 */
enum verdict message_add(struct message *t, const struct ipc_rcpt *rcpt,
	    struct recipient_reason *reason, size_t *named);
/*
 * Creates the spool file with our trace fields, two if t goes to Maildirs and
 * into the queue; the caller closes fds, of which -1 is none.  OK; or why not:
 * then that is in the log, and t is clear.
 */
enum verdict message_begin(struct message *t, int fds[2]);
/*
 * Delivers t, if its files are as its worker says; then calls on_stored.  OK;
 * or why not, as above.  *broken: no honest worker leaves such files.
 */
enum verdict message_end(struct message *t, const struct ipc_commit *c,
	    message_done *on_stored, void *arg, bool *broken);
/* The worker gives t up, for error (errno) of its file; 0: not for that. */
void	message_drop(struct message *t, int error);
/* Clears t; removes it from the spool and, if not stored, from Maildirs. */
void	message_clear(struct message *t);

#endif
