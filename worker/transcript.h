/*
 * The dialogue of this session, kept until its end: sent to the master if
 * something was refused, else dropped.  It has no message and no password.
 */
#ifndef WORKER_TRANSCRIPT_H
#define WORKER_TRANSCRIPT_H

#include "worker/ask.h"

/* Drops the previous session's; mode: enum ipc_trace_mode. */
void	transcript_begin(struct ask *master, uint8_t mode);
/* A client's line, without its end; known: it begins with a verb. */
void	transcript_command(struct span line, bool known);
/* A reply of ours, of one line or more. */
void	transcript_reply(struct span octets);

enum transcript_for {
	TRANSCRIPT_KEPT,	/* what happened */
	TRANSCRIPT_LIVE,	/* a hint for a developer, from a catcher */
	TRANSCRIPT_BOTH		/* what a secret line was, in its place */
};

/* A remark in our words. */
void	transcript_remark(enum transcript_for whom, const char *text);
/* Sends what was kept to the master, if something was refused. */
void	transcript_end(bool refused);

#endif
