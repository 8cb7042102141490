/*
 * "keep-refused": sessions in which something was refused, kept for some
 * hours below log/refused, a file each, so that smtpctl explain can show
 * what was said.  Bounded in size and number, and one network cannot push
 * all others out.
 */
#ifndef SERVER_REFUSED_H
#define SERVER_REFUSED_H

#include "server/master.h"

/* Opens the directory, and lets go what is too old.  0, or -1 and errno. */
int	refused_init(struct master *m);
/* A line of the transcript of s; false: more than an honest worker sends. */
bool	refused_said(const struct master *m, struct session *s,
	    const struct ipc_trace *t);
/* A recipient of s was refused. */
void	refused_rcpt(const struct master *m, struct session *s,
	    const struct mailbox *to, enum verdict verdict,
	    const struct recipient_reason *reason);
/* s ends: writes its file, if anything of it was said, and frees that. */
void	refused_end(struct master *m, struct session *s, const char *why,
	    const struct ipc_end *end);

#endif
