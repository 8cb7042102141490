/*
 * What smtpctl status and top are answered.
 */
#ifndef SERVER_CONTROL_STATUS_H
#define SERVER_CONTROL_STATUS_H

#include "server/control_answer.h"
#include "server/master.h"

/* Adds everything but END. */
void	control_status(struct master *m, const struct ipc_ask_status *ask,
	    struct control_answer *a);
/* Adds version, times and the name of this server. */
void	control_about(const struct master *m, struct control_answer *a);
/* Adds pool and disk. */
void	control_figures(struct master *m, struct control_answer *a);

#endif
