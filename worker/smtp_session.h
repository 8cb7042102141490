/*
 * The one loop of a session that reads commands and writes replies.
 */
#ifndef WORKER_SMTP_SESSION_H
#define WORKER_SMTP_SESSION_H

#include "worker/smtp.h"

/* Runs the dialogue to its end; s->end is what to tell the master of it. */
void	smtp_session_run(struct smtp_session *s);

#endif
