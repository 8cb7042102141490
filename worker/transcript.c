/*
 * The beginning of a session is kept, and of the rest only the number of lines.
 * Names and passwords follow AUTH, even where AUTH is refused, and then often
 * in lines that are no command.  None of these lines is kept or shown, not
 * even by a catcher: programs under test use real passwords.
 */
#include "worker/smtp.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "shared/deadline.h"

enum { text_max_bytes = 12 * 1024, line_max_bytes = 600 };

static struct transcript {
	struct ask	*master;
	uint8_t		mode;
	bool		secret;		/* after AUTH: unknown lines are */
	int64_t		start_ms;
	uint32_t	left_out;
	uint32_t	count;
	struct buf	text;		/* records without unused octets */
	uint8_t		storage[text_max_bytes];
} t;

void
transcript_begin(struct ask *master, uint8_t mode)
{
	memset(&t, 0, offsetof(struct transcript, storage));
	t.master = master;
	t.mode = mode;
	t.start_ms = deadline_now_ms();
	t.text = buf_over(t.storage, sizeof(t.storage));
}

static void
emit(enum ipc_trace_kind kind, struct span s)
{
	size_t max = t.mode == IPC_TRACE_LIVE ? ipc_trace_bytes :
	    line_max_bytes;
	struct ipc_record r = { .type = IPC_TRACE };
	struct ipc_trace *line = &r.u.trace;

	if (t.mode == IPC_TRACE_NONE)
		return;
	line->kind = (uint8_t)kind;
	line->ms = (uint32_t)(deadline_now_ms() - t.start_ms);
	line->n = (uint16_t)(s.n < max ? s.n : max);
	if (s.n > 0)
		memcpy(line->octets, s.p, line->n);
	if (t.mode == IPC_TRACE_LIVE) {
		tell_record(t.master, &r);
		return;
	}
	if (t.count < ipc_traces_max - 1 && !t.text.cut)
		buf_add(&t.text, span_from(line, offsetof(struct ipc_trace,
		    octets) + line->n));
	else
		t.text.cut = true;
	t.count += !t.text.cut;
	t.left_out += t.text.cut;
}

void
transcript_remark(enum ipc_trace_mode mode, const char *text)
{
	if (t.mode & mode)
		emit(IPC_TRACE_REMARK, span_of(text));
}

void
transcript_command(struct span line, bool known)
{
	struct span auth = line, rest, word;
	size_t public;

	/* Behind blanks AUTH is no command, but what follows is as secret. */
	while (span_take(&auth, ' ') || span_take(&auth, '\t'))
		continue;
	if (span_begins_fold(auth, span_of("AUTH"))) {
		/* A word that names no mechanism may be a secret. */
		rest = span_skip(auth, 5);
		word = span_cut(&rest, ' ');
		public = auth.n > 5 && auth.p[4] == ' ' && sasl_find(word) !=
		    SASL_MECHANISM_COUNT ? 5 + word.n : 4;
		t.secret = true;
		emit(IPC_TRACE_CLIENT, span_from(auth.p, public));
		if (public < auth.n)
			transcript_remark(IPC_TRACE_ANY, "what followed is "
			    "left out: it may be a password");
		return;
	}
	if (known)
		t.secret = false;
	if (t.secret)
		transcript_remark(IPC_TRACE_ANY, "a line is left out: it may "
		    "be a password");
	else
		emit(IPC_TRACE_CLIENT, line);
}

void
transcript_reply(struct span octets)
{
	while (octets.n > 0) {
		emit(IPC_TRACE_SERVER, span_cut(&octets, '\r'));
		octets = span_skip(octets, 1);
	}
}

void
transcript_end(bool refused)
{
	const size_t head = offsetof(struct ipc_trace, octets);
	struct ipc_record r = { .type = IPC_TRACE };
	char left_out[64];

	if (t.mode != IPC_TRACE_KEEP || !refused)
		return;
	for (size_t at = 0; at < t.text.n; at += head + r.u.trace.n) {
		memcpy(&r.u.trace, t.text.p + at, head);
		memcpy(r.u.trace.octets, t.text.p + at + head, r.u.trace.n);
		tell_record(t.master, &r);
	}
	if (t.left_out > 0) {
		snprintf(left_out, sizeof(left_out), "%" PRIu32
		    " more lines are left out", t.left_out);
		t.mode = IPC_TRACE_LIVE;
		emit(IPC_TRACE_REMARK, span_of(left_out));
	}
}
