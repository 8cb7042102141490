/*
 * What a client reads when the master has decided.  Pure: the worker says
 * it, and a dry run shows it.
 */
#ifndef SHARED_VERDICT_H
#define SHARED_VERDICT_H

#include "shared/ipc_msg.h"
#include "shared/smtp_reply.h"

/* ok is the reply to VERDICT_OK. */
enum smtp_reply	verdict_reply(enum verdict v, enum smtp_reply ok);
/* "no such recipient", in the log; "ok" for VERDICT_OK. */
const char	*verdict_word(enum verdict v);

#endif
