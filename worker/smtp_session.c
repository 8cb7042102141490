/* The loop of a session: reads a line, has it run, writes the reply. */
#include "worker/smtp.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "shared/deadline.h"

enum {
	slowest_octets_per_s = 500,
	closing_ms = 5000,	/* for a last reply to go out */
	handshake_ms = 60000,
	header_ms = 5000	/* for a whole PROXY header, trickling or not */
};

void
smtp_extend(struct smtp_session *s)
{
	s->io->idle_ms = s->master->idle_ms;
	s->io->deadline_ms = s->start_ms +
	    (int64_t)s->settings->session_time_s * 1000 +
	    (int64_t)(s->message_octets / slowest_octets_per_s) * 1000;
}

enum line_result
smtp_write(struct smtp_session *s, enum smtp_reply reply)
{
	uint8_t storage[2 * smtp_reply_max_bytes];
	struct buf out = buf_over(storage, sizeof(storage));
	struct span host = span_of(s->settings->hostname);

	if (reply == REPLY_EHLO)
		smtp_reply_write_ehlo(host, s->settings->message_size_bytes,
		    s->settings->recipients, !s->tls && tls_context() != NULL &&
		    !s->start.no_tls, !smtp_auth_is_offered(s) ? NULL :
		    s->catcher ? "PLAIN LOGIN CRAM-MD5" : "PLAIN LOGIN",
		    s->start.dsn, &out);
	else
		smtp_reply_write(reply, host, span_of(s->stored), &out);
	transcript_reply(buf_span(&out));
	return lineio_put(s->io, buf_span(&out));
}

enum smtp_reply
smtp_read_failed(struct smtp_session *s, enum line_result r)
{
	static const struct {
		const char	*remark;
		enum smtp_reply	 reply;
	} rows[] = {
		[LINE_TOO_LONG] = { "a line that was too long",
		    REPLY_LINE_LONG },
		[LINE_NUL] = { "a line with a NUL in it", REPLY_LINE_NUL },
		[LINE_BARE_LF] = { "a line that ended with a bare LF",
		    REPLY_LINE_BARE },
		[LINE_BARE_CR] = { "a line with a bare CR in it",
		    REPLY_LINE_BARE },
		[LINE_EOF] = { "the client closed the connection",
		    REPLY_NONE },
		[LINE_TIMEOUT] = { "the client was silent for too long",
		    REPLY_IDLE },
		[LINE_GONE] = { "the master process ended",
		    REPLY_TROUBLE_CLOSE },
		[LINE_ERROR] = { "the connection was lost", REPLY_NONE }
	};

	transcript_remark(IPC_TRACE_KEEP, rows[r].remark);
	if (r == LINE_TIMEOUT) {
		if (deadline_left_ms(s->io->deadline_ms) == 0)
			return REPLY_SESSION_LONG;
		if (s->master->stress == STRESS_EVICT)
			return REPLY_ROOM;
		if (s->master->stress == STRESS_END)
			return REPLY_STOPPING;
	}
	if (rows[r].reply == REPLY_NONE)
		s->end.end = r == LINE_EOF ? END_EOF : END_FAILED;
	return rows[r].reply;
}

enum { NOTE_NONE = -1, END_NONE = -1 };

static const struct {
	int	note;
	int	end;	/* how it ends the session */
} effects[REPLY_COUNT] = {
#define ROW(name, note, end, text) [REPLY_##name] = { NOTE_##note, END_##end },
	SMTP_REPLIES(ROW)
#undef ROW
};

static bool
is_last(enum smtp_reply reply)
{
	return reply == REPLY_NONE || effects[reply].end != END_NONE;
}

/* Too many errors end a session, whatever this command's reply is. */
static enum smtp_reply
count(struct smtp_session *s, enum smtp_reply reply)
{
	s->end.commands++;
	if (reply == REPLY_NONE || reply == REPLY_STOPPING ||
	    !smtp_reply_is_error(reply))
		return reply;
	s->refused = true;
	if (effects[reply].note != NOTE_NONE)
		TELL(s->master, NOTE, .number.n =
		    (uint64_t)effects[reply].note);
	/* Too many recipients must not lose those already accepted. */
	if (is_last(reply) || reply == REPLY_TOO_MANY_RCPTS)
		return reply;
	/* A list with stale names is no attack; guessing is slow anyway. */
	if (reply == REPLY_UNKNOWN_RCPT)
		return ++s->unknown <= ipc_unknown_times *
		    s->settings->errors ? reply : REPLY_UNKNOWN_MANY;
	return ++s->end.errors < s->settings->errors ? reply : REPLY_ERRORS;
}

/* A name or password is neither kept nor shown, and leaves no copy. */
static enum smtp_reply
next_line(struct smtp_session *s)
{
	bool response = s->challenged;
	enum smtp_reply reply;
	enum line_result r;
	struct span line;

	r = lineio_read_line(s->io, response || smtp_auth_is_offered(s) ?
	    sasl_line_max_bytes : smtp_line_max_bytes, &line);
	s->may_be_secret = response;
	if (response)
		transcript_remark(IPC_TRACE_ANY, r == LINE_OK &&
		    span_equal(line, span_of("*")) ? "AUTH is cancelled" :
		    "a name or password, not shown");
	/* A record of a TLS handshake (RFC 8446 5.1), before any command? */
	else if (s->end.commands == 0 && line.n > 0 && line.p[0] == 22)
		transcript_remark(IPC_TRACE_LIVE, "the program began with "
		    "TLS, as for port 465: set it to plain SMTP without "
		    "encryption");
	if (r == LINE_OK && s->master->stress == STRESS_END)
		reply = REPLY_STOPPING;
	else if (response)
		reply = smtp_auth_respond(s, r, line);
	else
		reply = r == LINE_OK ? smtp_cmd_run(s, line) :
		    smtp_read_failed(s, r);
	/* Any unknown command too: without AUTH offered, it is one. */
	if (s->may_be_secret)
		lineio_wipe(s->io);
	return count(s, reply);
}

/*
 * There is no way back: the session begins anew under TLS, and all that the
 * client said is forgotten (RFC 3207 4.2); or it is over, and nothing more is
 * sent in plain text.
 */
static enum smtp_reply
begin_tls(struct smtp_session *s)
{
	int64_t now_ms = deadline_now_ms();
	struct ipc_tls agreed = { 0 };
	enum tls_fail why;

	if (!tls_peer_begin(&s->under_tls, s->peer, NULL, now_ms +
	    (s->io->idle_ms < handshake_ms ? s->io->idle_ms : handshake_ms),
	    &agreed, &why)) {
		transcript_remark(IPC_TRACE_KEEP, "TLS handshake failed");
		s->refused = true;
		TELL(s->master, TLS_FAIL, .number.n = why);
		s->end.end = END_TLS;
		return REPLY_NONE;
	}
	TELL(s->master, TLS, .tls = agreed);
	transcript_remark(IPC_TRACE_KEEP, "TLS begins here");
	s->state = SMTP_START;
	s->hello = (struct ipc_mail){ 0 };
	lineio_init(s->io, &tls_peer_ops, &s->under_tls);
	s->tls = true;
	return REPLY_GREETING;
}

static enum smtp_reply
step(struct smtp_session *s, enum smtp_reply reply)
{
	enum line_result r = smtp_write(s, reply);

	smtp_extend(s);
	if (r == LINE_OK && reply == REPLY_START_TLS)
		r = lineio_flush(s->io);
	if (r != LINE_OK)
		return smtp_read_failed(s, r);
	/* The client speaks first under TLS, not greeted again (RFC 3207 4). */
	if (reply == REPLY_START_TLS && begin_tls(s) == REPLY_NONE)
		return REPLY_NONE;
	return next_line(s);
}

/*
 * Reads the PROXY header, which comes from a trusted proxy that may still be
 * wrong, slow or compromised.  Octets behind it are the client's, perhaps of a
 * TLS handshake: so it is read octet by octet, until it is whole.
 */
static enum proxy_fail
read_header(struct peer *p, struct ipc_proxy *out)
{
	int64_t until = deadline_now_ms() + header_ms;
	uint8_t in[proxy_header_max_bytes];
	enum proxy_fail verdict = PROXY_MORE;

	for (size_t n = 0; verdict == PROXY_MORE;) {
		ssize_t got = peer_ops.read(p, in + n, 1, until);

		if (got <= 0)
			return got == 0 || errno == ECONNRESET ||
			    errno == EPIPE ? PROXY_FAIL_CLOSED :
			    errno == ETIMEDOUT ? PROXY_FAIL_TIMEOUT :
			    errno == ECANCELED ? PROXY_FAIL_GONE :
			    PROXY_FAIL_LOST;
		verdict = proxy_header_parse(span_from(in, ++n), out);
	}
	return verdict;
}

/*
 * Reads the header, and asks the master about the client that it names.
 * Without a header no reply is sent, for the peer's protocol is not known; nor
 * to a client that waits for TLS, which would read it as a broken record.
 */
static enum smtp_reply
begin_proxied(struct smtp_session *s)
{
	enum smtp_reply reply;
	struct ipc_record r = { .type = IPC_PROXY };
	enum proxy_fail why = read_header(s->peer, &r.u.proxy);

	if (why == PROXY_OK) {
		reply = ask_reply(s->master, &r);
		s->start.dsn = r.u.verdict.dsn;
		s->end.end = END_AWAY;
		return reply != REPLY_GREETING && (s->start.tls_first ||
		    !is_last(reply)) ? REPLY_NONE : reply;
	}
	s->end.end = END_PROXY;
	/* The proxy had less time than usual: not its fault. */
	if (why == PROXY_FAIL_TIMEOUT && s->master->stress >= STRESS_EVICT)
		s->end.end = s->master->stress == STRESS_EVICT ? END_ROOM :
		    END_STOPPED;
	else
		TELL(s->master, PROXY_FAIL, .number.n = why);
	return REPLY_NONE;
}

static void
run(struct smtp_session *s)
{
	enum smtp_reply reply = REPLY_GREETING;

	smtp_extend(s);
	if (s->start.proxied)
		reply = begin_proxied(s);
	if (s->start.tls_first && reply == REPLY_GREETING)
		reply = begin_tls(s);
	while (!is_last(reply))
		reply = step(s, reply);
	if (reply != REPLY_NONE) {
		s->end.end = (uint32_t)effects[reply].end;
		s->io->idle_ms = closing_ms;
		s->io->deadline_ms = deadline_now_ms() + closing_ms;
		s->peer->last = true;
		smtp_write(s, reply);
		lineio_flush(s->io);
	}
	s->end.errors += s->unknown;
	s->end.octets_in = s->io->octets_in;
	s->end.octets_out = s->io->octets_out;
}

/*
 * In static storage: only the pages that a session touches use memory.  Each
 * costs a fault, so what every session writes begins one of them.
 */
static _Alignas(4096) struct {
	struct smtp_session	session;
	struct lineio		io;
} own;

void
smtp_session_run(struct ask *master, const struct ipc_settings *settings,
    const struct ipc_record *r, int socket, int output)
{
	struct peer peer = { .socket = socket, .output = output,
	    .master = master };
	struct smtp_session *s = &own.session;

	/* Not by assignment, of which the stack would have a copy. */
	memset(s, 0, sizeof(*s));
	s->master = master;
	s->settings = settings;
	s->io = &own.io;
	s->peer = &peer;
	s->start = r->u.session;
	s->state = SMTP_START;
	s->start_ms = deadline_now_ms();
	s->catcher = s->start.auth == IPC_AUTH_ALWAYS;
	s->submission = s->start.auth == IPC_AUTH_SUBMISSION;
	master->idle_ms = (int64_t)s->start.idle_timeout_s * 1000;
	lineio_init(&own.io, &peer_ops, &peer);
	own.io.octets_in = own.io.octets_out = 0;
	transcript_begin(master, settings->trace);
	run(s);
	tls_peer_close(&s->under_tls);
	/* Who never got in is not waited for: many would take others' slots. */
	if (s->end.end != END_QUIT && s->end.end != END_EOF &&
	    s->end.end != END_PROXY && s->end.end != END_AWAY)
		peer_linger(&peer);
	close(peer.socket);
	transcript_end(s->refused);
	/* Last of all: the master may then close the channel. */
	TELL(master, END, .end = s->end);
}
