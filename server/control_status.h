/*
 * What smtpctl status, top and stats are answered.
 */
#ifndef SERVER_CONTROL_STATUS_H
#define SERVER_CONTROL_STATUS_H

#include "server/control_answer.h"
#include "server/master.h"

/* Adds everything but END. */
void	control_status(struct master *m, const struct ipc_ask_status *ask,
	    struct control_answer *a);
/* Adds version and times, and where configuration and root are. */
void	control_about(const struct master *m, struct control_answer *a);
/* The same for smtpctl stats. */
void	control_stats(struct master *m, struct control_answer *a);

#endif
