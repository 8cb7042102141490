/*
 * Records to and from the master, as an smtp worker sees them.
 */
#include "worker/ask.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "shared/deadline.h"
#include "shared/ipc.h"

static void
send_or_end(struct ask *a, struct ipc_record *r)
{
	if (ipc_send(a->channel, r, -1, true) == -1)
		_exit(0);
}

static void
take_stress(struct ask *a, const struct ipc_record *r)
{
	a->stress = (enum stress)r->u.stress.why;
	a->idle_ms = r->u.stress.idle_timeout_ms;
}

/* Receives the next record but STRESS; *passed is its descriptor, or -1. */
static void
receive_or_end(struct ask *a, enum ipc_when when, struct ipc_record *r,
    int *passed)
{
	const char *why;

	do {
		if (ipc_recv(a->channel, IPC_TO_WORKER, when, true, r, passed,
		    &why) != IPC_GOT_RECORD)
			_exit(0);
		if (r->type == IPC_STRESS)
			take_stress(a, r);
	} while (r->type == IPC_STRESS);
}

bool
ask_is_stressed(struct ask *a)
{
	struct ipc_record r;
	const char *why;
	int passed;

	if (ipc_recv(a->channel, IPC_TO_WORKER, IPC_AT_SESSION, false, &r,
	    &passed, &why) != IPC_GOT_RECORD || r.type != IPC_STRESS)
		return false;
	take_stress(a, &r);
	return true;
}

/* Sends *r and receives the answer, which has that type, into *r. */
static void
exchange(struct ask *a, struct ipc_record *r, enum ipc_when when,
    enum ipc_type type)
{
	int passed;

	send_or_end(a, r);
	explicit_bzero(r, sizeof(*r));
	receive_or_end(a, when, r, &passed);
	if (r->type != type)
		_exit(0);
}

int
ask_session(struct ask *a, struct ipc_session *out, int *output)
{
	struct ipc_record r;
	int passed;

	*output = -1;
	for (;;) {
		receive_or_end(a, IPC_AT_IDLE, &r, &passed);
		if (r.type != IPC_OUTPUT)
			break;
		/* It comes again when the master could not send SESSION. */
		if (*output != -1)
			close(*output);
		*output = passed;
	}
	if (r.type != IPC_SESSION)
		_exit(0);
	*out = r.u.session;
	a->stress = STRESS_NONE;
	a->idle_ms = (int64_t)r.u.session.idle_timeout_s * 1000;
	return passed;
}

enum smtp_reply
ask_proxy(struct ask *a, const struct ipc_proxy *client)
{
	struct ipc_record r = { .type = IPC_PROXY, .u.proxy = *client };

	exchange(a, &r, IPC_AT_PROXY, IPC_WELCOME);
	return (enum smtp_reply)r.u.welcome.reply;
}

enum login_answer
ask_login(struct ask *a, struct ipc_login *l)
{
	struct ipc_record r = { .type = IPC_LOGIN, .u.login = *l };

	explicit_bzero(l, sizeof(*l));
	exchange(a, &r, IPC_AT_LOGIN, IPC_ADMIT);
	return (enum login_answer)r.u.admit.answer;
}

enum verdict
ask_mail(struct ask *a, const struct ipc_mail *mail)
{
	struct ipc_record r = { .type = IPC_MAIL, .u.mail = *mail };

	if (!mail->wait) {
		send_or_end(a, &r);
		return VERDICT_OK;
	}
	exchange(a, &r, IPC_AT_SESSION, IPC_VERDICT);
	return (enum verdict)r.u.verdict.verdict;
}

/* Waits ms, unless the server stops or another client needs the slot. */
static void
hold_back(struct ask *a, uint32_t ms)
{
	struct pollfd fd = { .fd = a->channel, .events = POLLIN };
	int64_t until_ms = deadline_now_ms() + ms;
	int left;

	while (a->stress < STRESS_EVICT &&
	    (left = deadline_left_ms(until_ms)) > 0)
		if (poll(&fd, 1, left) == 1 && !ask_is_stressed(a))
			return;
}

enum verdict
ask_rcpt(struct ask *a, const struct mailbox *to)
{
	struct ipc_record r = { .type = IPC_RCPT, .u.rcpt.to = *to };

	exchange(a, &r, IPC_AT_RCPT, IPC_VERDICT);
	hold_back(a, r.u.verdict.held_back_ms);
	return (enum verdict)r.u.verdict.verdict;
}

enum verdict
ask_originator(struct ask *a, const struct mailbox *author)
{
	struct ipc_record r = { .type = IPC_ORIGINATOR,
	    .u.rcpt.to = *author };

	exchange(a, &r, IPC_AT_DATA, IPC_VERDICT);
	return (enum verdict)r.u.verdict.verdict;
}

enum verdict
ask_file(struct ask *a, int *out)
{
	struct ipc_record r;

	a->file_due = false;
	receive_or_end(a, IPC_AT_RCPT, &r, out);
	if (r.type == IPC_FILE)
		return VERDICT_OK;
	if (r.type != IPC_VERDICT || r.u.verdict.verdict == VERDICT_OK)
		_exit(0);
	return (enum verdict)r.u.verdict.verdict;
}

enum verdict
ask_commit(struct ask *a, uint64_t size, struct ipc_stored *out)
{
	struct ipc_record r = { .type = IPC_COMMIT, .u.commit.size = size };
	int passed;

	send_or_end(a, &r);
	receive_or_end(a, IPC_AT_COMMIT, &r, &passed);
	if (r.type == IPC_STORED) {
		*out = r.u.stored;
		return VERDICT_OK;
	}
	if (r.type != IPC_UNSTORED || r.u.verdict.verdict == VERDICT_OK)
		_exit(0);
	return (enum verdict)r.u.verdict.verdict;
}

void
ask_sign(struct ask *a, const struct ipc_digest *digest,
    struct ipc_signature *out)
{
	struct ipc_record r = { .type = IPC_SIGN, .u.digest = *digest };

	exchange(a, &r, IPC_AT_SESSION, IPC_SIGNATURE);
	*out = r.u.signature;
}

static void
tell_empty(struct ask *a, enum ipc_type type)
{
	if (ipc_send_empty(a->channel, type, -1, true) == -1)
		_exit(0);
}

void
tell_begin(struct ask *a)
{
	tell_empty(a, IPC_BEGIN);
	a->file_due = true;
}

void
tell_reset(struct ask *a)
{
	tell_empty(a, IPC_RESET);
}

#define TELL(type, value)						\
	send_or_end(a, &(struct ipc_record){ IPC_##type, 0, { value } })

void
tell_abort(struct ask *a, int error)
{
	TELL(ABORT, .abort.error = (uint32_t)error);
}

void
tell_note(struct ask *a, enum note note)
{
	TELL(NOTE, .note.note = note);
}

void
tell_tls(struct ask *a, const struct ipc_tls *agreed)
{
	TELL(TLS, .tls = *agreed);
}

void
tell_tls_fail(struct ask *a, enum tls_fail why)
{
	TELL(TLS_FAIL, .tls_fail.why = why);
}

void
tell_proxy_fail(struct ask *a, enum proxy_fail why)
{
	TELL(PROXY_FAIL, .proxy_fail.why = why);
}

void
tell_end(struct ask *a, const struct ipc_end *end)
{
	TELL(END, .end = *end);
}

void
tell_trace(struct ask *a, enum ipc_trace_kind kind, uint32_t ms,
    struct span octets)
{
	struct ipc_record r = { .type = IPC_TRACE };

	if (octets.n > ipc_trace_bytes)
		octets.n = ipc_trace_bytes;
	r.u.trace.kind = (uint8_t)kind;
	r.u.trace.ms = ms;
	r.u.trace.n = (uint16_t)octets.n;
	memcpy(r.u.trace.octets, octets.p, octets.n);
	send_or_end(a, &r);
}
