/*
 * Records to and from the master, as an smtp worker sees them.
 */
#include "worker/ask.h"

#include <string.h>
#include <unistd.h>

#include "shared/ipc.h"

static void
send_or_end(int channel, struct ipc_record *r)
{
	if (ipc_send(channel, r, -1, true) == -1)
		_exit(0);
}

/* The next record; its descriptor is *passed or, if none may come, none. */
static void
receive_or_end(int channel, enum ipc_when when, struct ipc_record *r,
    int *passed)
{
	const char *why;

	if (ipc_recv(channel, IPC_TO_WORKER, when, true, r, passed, &why) !=
	    IPC_GOT_RECORD)
		_exit(0);
}

static enum verdict
receive_verdict(int channel, enum ipc_when when)
{
	struct ipc_record r;
	int passed;

	receive_or_end(channel, when, &r, &passed);
	if (r.type != IPC_VERDICT)
		_exit(0);
	return (enum verdict)r.u.verdict.verdict;
}

int
ask_session(int channel, struct ipc_session *out)
{
	struct ipc_record r;
	int passed;

	receive_or_end(channel, IPC_AT_IDLE, &r, &passed);
	*out = r.u.session;
	return passed;
}

enum verdict
ask_mail(int channel, const struct ipc_mail *mail)
{
	struct ipc_record r = { .type = IPC_MAIL, .u.mail = *mail };

	send_or_end(channel, &r);
	if (!mail->wait)
		return VERDICT_OK;
	return receive_verdict(channel, IPC_AT_SESSION);
}

enum verdict
ask_rcpt(int channel, const struct mailbox *to)
{
	struct ipc_record r = { .type = IPC_RCPT, .u.rcpt.to = *to };

	send_or_end(channel, &r);
	return receive_verdict(channel, IPC_AT_RCPT);
}

enum verdict
ask_begin(int channel, int *out)
{
	struct ipc_record r = { .type = IPC_BEGIN };

	send_or_end(channel, &r);
	receive_or_end(channel, IPC_AT_RCPT, &r, out);
	if (r.type == IPC_FILE)
		return VERDICT_OK;
	if (r.type != IPC_VERDICT || r.u.verdict.verdict == VERDICT_OK)
		_exit(0);
	return (enum verdict)r.u.verdict.verdict;
}

enum verdict
ask_commit(int channel, uint64_t size, struct ipc_stored *out)
{
	struct ipc_record r = { .type = IPC_COMMIT, .u.commit.size = size };
	int passed;

	send_or_end(channel, &r);
	receive_or_end(channel, IPC_AT_COMMIT, &r, &passed);
	if (r.type == IPC_STORED) {
		*out = r.u.stored;
		return VERDICT_OK;
	}
	if (r.type != IPC_UNSTORED || r.u.verdict.verdict == VERDICT_OK)
		_exit(0);
	return (enum verdict)r.u.verdict.verdict;
}

static void
tell_empty(int channel, enum ipc_type type)
{
	if (ipc_send_empty(channel, type, -1, true) == -1)
		_exit(0);
}

void
tell_abort(int channel)
{
	tell_empty(channel, IPC_ABORT);
}

void
tell_reset(int channel)
{
	tell_empty(channel, IPC_RESET);
}

void
tell_note(int channel, enum note note)
{
	struct ipc_record r = { .type = IPC_NOTE, .u.note.note = note };

	send_or_end(channel, &r);
}

void
tell_end(int channel, const struct ipc_end *end)
{
	struct ipc_record r = { .type = IPC_END, .u.end = *end };

	send_or_end(channel, &r);
}

void
tell_trace(int channel, bool from_client, struct span octets)
{
	struct ipc_record r = { .type = IPC_TRACE };

	if (octets.n > ipc_trace_bytes)
		octets.n = ipc_trace_bytes;
	r.u.trace.from_client = from_client;
	r.u.trace.n = (uint16_t)octets.n;
	memcpy(r.u.trace.octets, octets.p, octets.n);
	send_or_end(channel, &r);
}
