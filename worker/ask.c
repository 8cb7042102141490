/*
 * Records to and from the master, as an smtp worker sees them.
 */
#include "worker/ask.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "shared/deadline.h"
#include "shared/ipc.h"

void
tell_record(struct ask *a, struct ipc_record *r)
{
	if (ipc_send(a->channel, r, -1, true) == -1)
		_exit(0);
}

/*
 * Receives the next record, of any type: the caller knows the one or two that
 * may come.  False: there is none.
 */
static bool
take_record(struct ask *a, bool wait, struct ipc_record *r, int *passed)
{
	const char *why;

	if (ipc_recv(a->channel, IPC_TO_WORKER, IPC_AT_ANY, wait, r, passed,
	    &why) != IPC_GOT_RECORD)
		return false;
	if (r->type == IPC_STRESS) {
		a->stress = (enum stress)r->u.stress.why;
		a->idle_ms = r->u.stress.idle_timeout_ms;
	}
	return true;
}

int
ask_record(struct ask *a, struct ipc_record *out)
{
	int passed;

	if (!take_record(a, true, out, &passed))
		_exit(0);
	return passed;
}

bool
ask_is_stressed(struct ask *a)
{
	struct ipc_record r;
	int passed;

	return take_record(a, false, &r, &passed) && r.type == IPC_STRESS;
}

/* Receives the answer, of type; returns its descriptor, or -1. */
static int
receive(struct ask *a, struct ipc_record *r, enum ipc_type type)
{
	int passed;

	do {
		if (!take_record(a, true, r, &passed))
			_exit(0);
	} while (r->type == IPC_STRESS);
	/* Instead of a file, why there is none. */
	if (r->type != type && (type != IPC_FILE || r->type != IPC_VERDICT ||
	    r->u.verdict.verdict == VERDICT_OK))
		_exit(0);
	return passed;
}

int
ask_job(struct ask *a, const enum ipc_type *types, size_t count,
    struct ipc_record *out, int *output)
{
	int passed;

	*output = -1;
	a->stress = STRESS_NONE;
	for (;;) {
		if (!take_record(a, true, out, &passed))
			_exit(0);
		for (size_t i = 0; i < count; i++)
			if (out->type == types[i])
				return passed;
		if (out->type == IPC_STRESS)
			continue;
		if (out->type != IPC_OUTPUT)
			_exit(0);
		/* It comes again when the master could not send SESSION. */
		if (*output != -1)
			close(*output);
		*output = passed;
	}
}

enum smtp_reply
ask_admit(struct ask *a, struct ipc_record *r)
{
	tell_record(a, r);
	explicit_bzero(r, sizeof(*r));
	receive(a, r, IPC_ADMIT);
	return (enum smtp_reply)r->u.number.n;
}

enum verdict
ask_verdict(struct ask *a, struct ipc_record *r)
{
	struct pollfd fd = { .fd = a->channel, .events = POLLIN };
	int64_t until_ms;
	enum verdict verdict;
	int left;

	tell_record(a, r);
	receive(a, r, IPC_VERDICT);
	verdict = (enum verdict)r->u.verdict.verdict;
	until_ms = deadline_now_ms() + r->u.verdict.held_back_ms;
	while (a->stress < STRESS_EVICT &&
	    (left = deadline_left_ms(until_ms)) > 0)
		if (poll(&fd, 1, left) == 1 && !ask_is_stressed(a))
			break;
	return verdict;
}

enum verdict
ask_file(struct ask *a, int *out)
{
	struct ipc_record r = { .type = IPC_BEGIN };

	tell_record(a, &r);
	*out = receive(a, &r, IPC_FILE);
	return r.type == IPC_FILE ? VERDICT_OK :
	    (enum verdict)r.u.verdict.verdict;
}

enum verdict
ask_commit(struct ask *a, const struct ipc_commit *file,
    char id[ipc_id_bytes + 1])
{
	struct ipc_record r = { .type = IPC_COMMIT, .u.commit = *file };

	tell_record(a, &r);
	receive(a, &r, IPC_VERDICT);
	memcpy(id, r.u.verdict.id, ipc_id_bytes + 1);
	return (enum verdict)r.u.verdict.verdict;
}

void
ask_sign(struct ask *a, const struct ipc_digest *digest,
    struct ipc_signature *out)
{
	struct ipc_record r = { .type = IPC_SIGN, .u.digest = *digest };

	tell_record(a, &r);
	receive(a, &r, IPC_SIGNATURE);
	*out = r.u.signature;
}
