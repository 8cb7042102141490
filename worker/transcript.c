/*
 * The transcript of a session, in memory of a fixed size: its beginning is
 * kept, and of the rest only the number of lines.
 *
 * Names and passwords follow AUTH, even where AUTH is refused, and then often
 * in lines that are no command.  None of these lines is kept or shown, not
 * even by a catcher: programs under test use real passwords.
 */
#include "worker/transcript.h"

#include <string.h>

#include "shared/buf.h"
#include "shared/deadline.h"

enum { text_max_bytes = 12 * 1024, line_max_bytes = 600, verb_max = 8 };

struct line {
	uint32_t	ms;
	uint16_t	n;
	uint8_t		kind;
};

static struct {
	struct ask	*master;
	uint8_t		mode;
	bool		refused;
	bool		secret;		/* after AUTH: unknown lines are */
	int64_t		start_ms;
	uint32_t	left_out;
	uint32_t	count;
	size_t		n;
	uint8_t		text[text_max_bytes];
} t;

void
transcript_begin(struct ask *master, uint8_t mode)
{
	t.master = master;
	t.mode = mode;
	t.refused = t.secret = false;
	t.start_ms = deadline_now_ms();
	t.left_out = t.count = 0;
	t.n = 0;
}

static void
keep(enum ipc_trace_kind kind, struct span s)
{
	struct line line = { .kind = (uint8_t)kind };

	if (s.n > line_max_bytes)
		s.n = line_max_bytes;
	if (t.left_out > 0 || t.count == ipc_traces_max - 1 ||
	    sizeof(t.text) - t.n < sizeof(line) + s.n) {
		t.left_out++;
		return;
	}
	t.count++;
	line.ms = (uint32_t)(deadline_now_ms() - t.start_ms);
	line.n = (uint16_t)s.n;
	memcpy(t.text + t.n, &line, sizeof(line));
	if (s.n > 0)
		memcpy(t.text + t.n + sizeof(line), s.p, s.n);
	t.n += sizeof(line) + s.n;
}

static bool
is_command(struct span line)
{
	static const char *const verbs[] = { "helo", "ehlo", "mail", "rcpt",
	    "data", "rset", "noop", "quit", "vrfy", "expn", "help", "auth",
	    "starttls" };

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		size_t n = strlen(verbs[i]);

		if (span_begins_fold(line, span_of(verbs[i])) &&
		    (line.n == n || line.p[n] == ' '))
			return true;
	}
	return false;
}

/* A word behind AUTH that names no mechanism may be a secret. */
static bool
is_mechanism(struct span word)
{
	static const char *const known[] = { "PLAIN", "LOGIN", "CRAM-MD5",
	    "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256",
	    "SCRAM-SHA-256-PLUS", "GSSAPI", "NTLM", "EXTERNAL", "XOAUTH2",
	    "OAUTHBEARER" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (span_equal_fold(word, span_of(known[i])))
			return true;
	return false;
}

/* "AUTH PLAIN dGVzdA==" becomes "AUTH PLAIN"; the rest is not kept. */
static struct span
public_part(struct span line)
{
	const uint8_t *blank;
	size_t n = line.n;

	blank = line.n < 6 ? NULL : memchr(line.p + 5, ' ', line.n - 5);
	if (blank != NULL)
		n = (size_t)(blank - line.p);
	if (line.n < 6 || line.p[4] != ' ' ||
	    !is_mechanism(span_from(line.p + 5, n - 5)))
		n = 4;
	return span_from(line.p, n);
}

/* Behind blanks AUTH is no command, but what follows it is as secret. */
static bool
is_auth(struct span line, struct span *out)
{
	while (line.n > 0 && (line.p[0] == ' ' || line.p[0] == '\t'))
		line = span_skip(line, 1);
	*out = line;
	return span_begins_fold(line, span_of("AUTH"));
}

/* Sends s to the master at once, or keeps it until the end. */
static void
emit(enum ipc_trace_kind kind, struct span s)
{
	if (t.mode == IPC_TRACE_LIVE)
		tell_trace(t.master, kind, 0, s);
	else if (t.mode == IPC_TRACE_KEEP)
		keep(kind, s);
}

static void
say_command(struct span line)
{
	struct span auth, public;

	if (is_auth(line, &auth)) {
		public = public_part(auth);
		t.secret = true;
		emit(IPC_TRACE_CLIENT, public);
		if (public.n < auth.n)
			transcript_secret("what followed is left out: it may "
			    "be a password");
		return;
	}
	if (is_command(line))
		t.secret = false;
	if (t.secret)
		transcript_secret("a line is left out: it may be a password");
	else
		emit(IPC_TRACE_CLIENT, line);
}

void
transcript_say(enum ipc_trace_kind kind, struct span octets)
{
	if (kind == IPC_TRACE_CLIENT)
		say_command(octets);
	else if (t.mode == IPC_TRACE_LIVE)
		tell_trace(t.master, kind, 0, octets);
	while (t.mode == IPC_TRACE_KEEP && kind == IPC_TRACE_SERVER &&
	    octets.n > 0) {
		const uint8_t *cr = memchr(octets.p, '\r', octets.n);
		size_t n = cr == NULL ? octets.n : (size_t)(cr - octets.p);

		keep(kind, span_from(octets.p, n));
		octets = span_skip(octets, n + 2);
	}
}

void
transcript_secret(const char *what)
{
	emit(IPC_TRACE_REMARK, span_of(what));
}

void
transcript_remark(const char *text)
{
	if (t.mode == IPC_TRACE_KEEP)
		keep(IPC_TRACE_REMARK, span_of(text));
}

void
transcript_hint(const char *text)
{
	if (t.mode == IPC_TRACE_LIVE)
		emit(IPC_TRACE_REMARK, span_of(text));
}

void
transcript_refused(void)
{
	t.refused = true;
}

static void
tell_left_out(void)
{
	char text[64];
	struct buf b = buf_over(text, sizeof(text));

	if (t.left_out == 0)
		return;
	buf_add_u64(&b, t.left_out, 1);
	buf_add_str(&b, " more are left out");
	tell_trace(t.master, IPC_TRACE_REMARK,
	    (uint32_t)(deadline_now_ms() - t.start_ms), buf_span(&b));
}

void
transcript_end(void)
{
	struct line line;

	if (t.mode != IPC_TRACE_KEEP || !t.refused)
		return;
	for (size_t at = 0; at < t.n; at += sizeof(line) + line.n) {
		memcpy(&line, t.text + at, sizeof(line));
		tell_trace(t.master, (enum ipc_trace_kind)line.kind, line.ms,
		    span_from(t.text + at + sizeof(line), line.n));
	}
	tell_left_out();
}
