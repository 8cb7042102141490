/*
 * A worker's questions to the master, one record there and one back; the master
 * answers in server/session/dispatch.c, RCPT in on_rcpt() there.  When it has
 * ended, or sends what it may not, the process ends at once: a client must
 * never get a reply that the master did not decide.
 */
#ifndef WORKER_ASK_H
#define WORKER_ASK_H

#include "shared/ipc.h"

/* The connection to the master. */
struct ask {
	int	channel;
	enum stress stress;	/* of the last STRESS */
	int64_t	idle_ms;	/* how long a client may be silent */
};

/* Sends a record, without waiting for an answer. */
void		tell_record(struct ask *a, struct ipc_record *r);
#define TELL(a, type, value)						\
	tell_record(a, &(struct ipc_record){ IPC_##type, 0, { value } })

/*
 * Sends a question, wipes it, and returns the answer, for which it waits as
 * long as the master says; *r is the VERDICT then.
 */
enum smtp_reply	ask_reply(struct ask *a, struct ipc_record *r);
/*
 * Waits for the record that begins a job, and returns its descriptor, which the
 * caller closes, or -1.  *output is a separate descriptor to write to
 * (IPC_OUTPUT), or -1.
 */
int		ask_job(struct ask *a, struct ipc_record *out, int *output);
/*
 * Sends BEGIN.  REPLY_STORED and the spool files in out, which the caller has
 * set to -1, and closes: one, or two; or why there is none, and then the
 * transaction is over.
 */
enum smtp_reply	ask_files(struct ask *a, int out[2]);
/* Waits for the next record; returns its descriptor, or -1. */
int		ask_record(struct ask *a, struct ipc_record *out);
/* The same; it is of type, and not STRESS. */
int		ask_answer(struct ask *a, struct ipc_record *r,
		    enum ipc_type type);
/*
 * Call when the channel is readable though nothing was asked.  True when the
 * master sent STRESS, which *a now has; false when the master has ended.
 */
bool		ask_is_stressed(struct ask *a);

#endif
