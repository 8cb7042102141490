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
/* What a secret line was, in its place. */
void	transcript_secret(const char *what);
/* Something that happened, in our words. */
void	transcript_remark(const char *text);
/* The same, for a developer: only a catcher shows it, at once. */
void	transcript_hint(const char *text);
/* Something was refused: the transcript will be sent. */
void	transcript_refused(void);
/* Sends the transcript to the master if something was refused. */
void	transcript_end(void);

#endif
