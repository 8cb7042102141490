/*
 * What smtpctl explain is answered when it asks for a dry run.
 */
#ifndef SERVER_CONTROL_DRYRUN_H
#define SERVER_CONTROL_DRYRUN_H

#include "server/control_answer.h"
#include "server/master.h"

/* Adds everything but END; nothing of the master is changed. */
void	control_dryrun_mail(struct master *m, const struct ipc_ask_mail *ask,
	    struct control_answer *a);
void	control_dryrun_rcpt(struct master *m, const struct ipc_ask_rcpt *ask,
	    struct control_answer *a);

#endif
