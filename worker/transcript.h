/*
 * What was said in this session, kept until its end: told to the master if
 * something was refused, forgotten if not.  No message, no password.
 */
#ifndef WORKER_TRANSCRIPT_H
#define WORKER_TRANSCRIPT_H

#include "worker/ask.h"

/* Forgets the session before; mode: enum ipc_trace_mode. */
void	transcript_begin(struct ask *master, uint8_t mode);
/* A line of the client's without its end, or a reply of ours. */
void	transcript_say(enum ipc_trace_kind kind, struct span octets);
/* Instead of a line that is a secret, what it is. */
void	transcript_secret(const char *what);
/* Something that happened, in our words. */
void	transcript_remark(const char *text);
/* The same, for a developer: only the catcher shows it, at once. */
void	transcript_hint(const char *text);
/* Something was refused: the master will want to know. */
void	transcript_refused(void);
/* Tells the master, if that is so. */
void	transcript_end(void);

#endif
