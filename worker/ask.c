/* Records to and from the master, as an smtp worker sees them. */
#include "worker/ask.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "shared/deadline.h"

void
tell_record(struct ask *a, struct ipc_record *r)
{
	if (ipc_send(a->channel, r, -1, true) == -1)
		_exit(0);
}

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

int
ask_answer(struct ask *a, struct ipc_record *r, enum ipc_type type)
{
	int passed;

	do
		passed = ask_record(a, r);
	while (r->type == IPC_STRESS);
	/* Instead of a file, why there is none. */
	if (r->type != type && (type != IPC_FILE || r->type != IPC_VERDICT))
		_exit(0);
	return passed;
}

int
ask_job(struct ask *a, struct ipc_record *out, int *output)
{
	*output = -1;
	a->stress = STRESS_NONE;
	for (;;) {
		int passed = ask_record(a, out);

		if (out->type == IPC_OUTPUT) {
			/* Again, when the master could not send SESSION. */
			if (*output != -1)
				close(*output);
			*output = passed;
		} else if (out->type != IPC_STRESS)
			return passed;
	}
}

enum smtp_reply
ask_reply(struct ask *a, struct ipc_record *r)
{
	struct pollfd fd = { .fd = a->channel, .events = POLLIN };
	int64_t until_ms;
	int left;

	tell_record(a, r);
	explicit_bzero(r, sizeof(*r));
	ask_answer(a, r, IPC_VERDICT);
	until_ms = deadline_now_ms() + r->u.verdict.held_back_ms;
	while (a->stress < STRESS_EVICT &&
	    (left = deadline_left_ms(until_ms)) > 0)
		if (poll(&fd, 1, left) == 1 && !ask_is_stressed(a))
			break;
	return (enum smtp_reply)r->u.verdict.reply;
}

enum smtp_reply
ask_files(struct ask *a, int out[2])
{
	struct ipc_record r = { .type = IPC_BEGIN };

	tell_record(a, &r);
	out[0] = ask_answer(a, &r, IPC_FILE);
	if (r.type != IPC_FILE)
		return (enum smtp_reply)r.u.verdict.reply;
	if (r.u.number.n > 0)
		out[1] = ask_answer(a, &r, IPC_FILE);
	return REPLY_STORED;
}
