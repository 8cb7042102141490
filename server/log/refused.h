/*
 * "keep-refused": transcripts of sessions with a refusal, in log/refused.
 * Their size and number are bounded, and one network cannot evict all others.
 */
#ifndef SERVER_REFUSED_H
#define SERVER_REFUSED_H

#include <event2/event.h>

#include "server/conf/conf.h"
#include "server/log/log_record.h"
#include "shared/ipc.h"

/* The transcript, the recipients, and the head. */
enum { refused_file_max_bytes = (40 + 16 + 1) * 1024 + 128 };

/* The transcript of one session so far; NULL: nothing yet. */
struct refused_text;

/* Removes old files every minute, and now unless late.  0, or -1 and errno. */
int	refused_init(struct event_base *base, const struct conf *conf, int log,
	    bool late);
/* Adds to a transcript; false: more than an honest worker sends. */
bool	refused_said(struct refused_text **of, const struct ipc_trace *t);
/*
 * The session ends: writes its file from facts (began is set here) and rcpts,
 * unless the transcript is empty or facts is NULL.  Frees *of.
 */
void	refused_end(struct refused_text **of, const struct log_refused *facts,
	    struct span rcpts, uint64_t rcpt_count);

#endif
