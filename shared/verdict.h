/*
 * The reply to a verdict of the master.  Pure: the worker sends it, and a dry
 * run shows it.
 */
#ifndef SHARED_VERDICT_H
#define SHARED_VERDICT_H

#include "shared/ipc_msg.h"
#include "shared/smtp_reply.h"

/* ok is the reply to VERDICT_OK. */
enum smtp_reply	verdict_reply(enum verdict v, enum smtp_reply ok);
/* The word in the log, as "no such recipient"; "ok" for VERDICT_OK. */
const char	*verdict_word(enum verdict v);

#endif
