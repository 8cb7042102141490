/*
 * The loop of a session: reads a line, has it run, writes the reply.  The
 * commands are in smtp_cmd.c.  The only descriptors of the process are its
 * channel, its client's socket (or pair), and one spool file.
 */
#include "worker/smtp_session.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "shared/deadline.h"
#include "shared/os/sandbox_table.h"
#include "shared/trace_field.h"
#include "worker/ask.h"
#include "worker/peer.h"
#include "worker/proxy_header.h"
#include "worker/smtp_auth.h"
#include "worker/smtp_cmd.h"
#include "worker/smtp_tls.h"
#include "worker/tls_context.h"
#include "worker/transcript.h"

enum {
	closing_ms = 5000,	/* for a last reply to go out */
	header_ms = 5000	/* for a whole PROXY header, trickling or not */
};

/* Notes in the transcript what came instead of a command. */
static void
remark(enum line_result r)
{
	static const char *const words[] = {
		[LINE_TOO_LONG] = "a line that was too long",
		[LINE_NUL] = "a line with a NUL in it",
		[LINE_BARE_LF] = "a line that ended with a bare LF",
		[LINE_BARE_CR] = "a line with a bare CR in it",
		[LINE_EOF] = "the client closed the connection",
		[LINE_TIMEOUT] = "nothing came for too long",
		[LINE_GONE] = "the server ended",
		[LINE_ERROR] = "the connection was lost"
	};

	transcript_remark(words[r]);
}

static enum line_result
write_reply(struct smtp_session *s, enum smtp_reply reply)
{
	uint8_t storage[2 * smtp_reply_max_bytes];
	struct buf out = buf_over(storage, sizeof(storage));
	struct span host = span_from(s->settings->hostname,
	    s->settings->hostname_len);

	if (reply == REPLY_EHLO)
		smtp_reply_write_ehlo(host, s->settings->message_size_bytes,
		    s->settings->recipients, smtp_tls_is_offered(s),
		    smtp_auth_offer(s), &out);
	else
		smtp_reply_write(reply, host, span_of(s->stored.id), &out);
	transcript_say(IPC_TRACE_SERVER, buf_span(&out));
	return lineio_put(s->io, buf_span(&out));
}

/* Too many errors end a session, whatever this command's reply is. */
static struct outcome
count(struct smtp_session *s, struct outcome o)
{
	s->end.commands++;
	if (smtp_reply_is_error(o.reply))
		transcript_refused();
	/* Too many recipients must not lose those already accepted. */
	if (o.next != SMTP_GO_ON || !smtp_reply_is_error(o.reply) ||
	    o.reply == REPLY_TOO_MANY_RCPTS)
		return o;
	/* A list with stale names is no attack; guessing is slow anyway. */
	if (o.reply == REPLY_UNKNOWN_RCPT)
		return ++s->unknown <= ipc_unknown_times *
		    s->settings->errors ? o : smtp_end(s, END_ERRORS,
		    REPLY_UNKNOWN_MANY);
	if (++s->end.errors < s->settings->errors)
		return o;
	return smtp_end(s, END_ERRORS, REPLY_ERRORS);
}

/* A name or password is neither kept nor shown, and leaves no copy. */
static struct outcome
next_response(struct smtp_session *s)
{
	struct span line;
	enum line_result r = lineio_read_line(s->io, sasl_line_max_bytes,
	    &line);
	struct outcome o;

	transcript_secret(r == LINE_OK && line.n == 1 && line.p[0] == '*' ?
	    "AUTH is cancelled" : "a name or password, not shown");
	if (s->master->stress == STRESS_END && r == LINE_OK)
		o = smtp_end(s, END_STOPPED, REPLY_STOPPING);
	else if (r != LINE_OK)
		o = smtp_auth_read_failed(s, r);
	else
		o = s->challenged(s, line);
	lineio_wipe(s->io);
	return count(s, o);
}

/* A record of a TLS handshake (RFC 8446 5.1), before any command. */
static bool
is_client_hello(const struct smtp_session *s, struct span line)
{
	return s->end.commands == 0 && line.n > 0 && line.p[0] == 22;
}

static struct outcome
next_command(struct smtp_session *s)
{
	enum line_result r;
	struct outcome o;
	struct span line;

	s->may_be_secret = false;
	r = lineio_read_line(s->io, smtp_cmd_line_max(s), &line);
	if (is_client_hello(s, line))
		transcript_hint("the program began with TLS, as for port 465: "
		    "set it to plain SMTP without encryption");
	else if (r == LINE_OK)
		transcript_say(IPC_TRACE_CLIENT, line);
	else
		remark(r);
	if (s->master->stress == STRESS_END && r == LINE_OK)
		return smtp_end(s, END_STOPPED, REPLY_STOPPING);
	if (r != LINE_OK)
		return count(s, smtp_read_failed(s, r));
	o = smtp_cmd_run(s, line);
	/* Any unknown command too: without AUTH offered, it is one. */
	if (s->may_be_secret)
		lineio_wipe(s->io);
	return count(s, o);
}

/* RFC 3207 4: under TLS the client speaks first and gets no greeting again. */
static struct outcome
start_tls(struct smtp_session *s)
{
	enum line_result r = lineio_flush(s->io);
	struct outcome o;

	if (r != LINE_OK)
		return smtp_read_failed(s, r);
	o = smtp_tls_begin(s);
	return o.next == SMTP_GO_ON ? next_command(s) : o;
}

/* Writes the reply of o, and does what follows. */
static struct outcome
step(struct smtp_session *s, struct outcome o)
{
	enum line_result r = write_reply(s, o.reply);

	smtp_extend(s);
	if (r != LINE_OK)
		return smtp_read_failed(s, r);
	if (o.next == SMTP_HANDSHAKE)
		return start_tls(s);
	return s->challenged != NULL ? next_response(s) : next_command(s);
}

/*
 * ---- the PROXY header before a session: it comes from a trusted proxy, which
 * may still be wrong, slow or compromised ----
 */

static enum proxy_fail
fail_of_errno(void)
{
	switch (errno) {
	case ETIMEDOUT:
		return PROXY_FAIL_TIMEOUT;
	case ECANCELED:
		return PROXY_FAIL_GONE;
	case ECONNRESET:
	case EPIPE:
		return PROXY_FAIL_CLOSED;
	default:
		return PROXY_FAIL_LOST;
	}
}

/* Reads n octets that are there, for peer_peek has seen them. */
static bool
take(struct peer *p, uint8_t *to, size_t n, int64_t until)
{
	while (n > 0) {
		ssize_t got = peer_ops.read(p, to, n, until);

		if (got <= 0)
			return false;
		to += got;
		n -= (size_t)got;
	}
	return true;
}

/*
 * Octets behind the header are the client's, perhaps of a TLS handshake: so
 * the input is peeked at first, and only the header is read.
 */
static bool
read_header(struct peer *p, struct ipc_proxy *out, enum proxy_fail *why)
{
	int64_t until = deadline_now_ms() + header_ms;
	uint8_t in[proxy_header_max_bytes];
	size_t have = 0, n;

	for (;;) {
		ssize_t got = peer_peek(p, in + have, sizeof(in) - have,
		    until);
		size_t all = have + (got > 0 ? (size_t)got : 0);
		enum proxy_verdict verdict;

		*why = got == 0 ? PROXY_FAIL_CLOSED : fail_of_errno();
		if (got <= 0)
			return false;
		verdict = proxy_header_parse(span_from(in, all), out, &n,
		    why);
		if (verdict == PROXY_BAD)
			return false;
		if (verdict == PROXY_MORE)
			n = all;
		*why = PROXY_FAIL_LOST;
		if (!take(p, in + have, n - have, until))
			return false;
		if (verdict == PROXY_OK)
			return true;
		have = n;
	}
}

/* Sends no reply: the peer's protocol is not known. */
static struct outcome
fail_proxied(struct smtp_session *s, enum proxy_fail why)
{
	s->end.end = END_PROXY;
	/* The proxy had less time than usual: not its fault. */
	if (why == PROXY_FAIL_TIMEOUT && s->master->stress == STRESS_EVICT)
		s->end.end = END_ROOM;
	else if (why == PROXY_FAIL_TIMEOUT && s->master->stress == STRESS_END)
		s->end.end = END_STOPPED;
	else
		tell_proxy_fail(s->master, why);
	return (struct outcome){ REPLY_BYE, SMTP_CLOSE_NOW };
}

/*
 * Reads the header, and not an octet more, and asks the master about the
 * client that it names.  On failure sets how the session ended.
 */
static struct outcome
begin_proxied(struct smtp_session *s)
{
	enum smtp_reply reply;
	struct ipc_proxy client;
	enum proxy_fail why;

	if (!read_header(s->peer, &client, &why))
		return fail_proxied(s, why);
	reply = ask_proxy(s->master, &client);
	if (reply == REPLY_GREETING)
		return smtp_go_on(reply);
	s->end.end = END_AWAY;
	/* A client that waits for TLS would read a reply as a broken record. */
	return (struct outcome){ reply,
	    s->tls_first ? SMTP_CLOSE_NOW : SMTP_CLOSE };
}

static void
run(struct smtp_session *s)
{
	struct outcome o = smtp_go_on(REPLY_GREETING);

	s->state = SMTP_START;
	s->start_ms = deadline_now_ms();
	s->io->idle_ms = s->master->idle_ms;
	smtp_extend(s);
	if (s->proxied)
		o = begin_proxied(s);
	if (s->tls_first && o.next == SMTP_GO_ON)
		o = smtp_tls_begin(s);
	while (o.next == SMTP_GO_ON || o.next == SMTP_HANDSHAKE)
		o = step(s, o);
	if (o.next == SMTP_CLOSE) {
		s->io->idle_ms = closing_ms;
		s->io->deadline_ms = deadline_now_ms() + closing_ms;
		s->peer->last = true;
		write_reply(s, o.reply);
		lineio_flush(s->io);
	}
	s->end.errors += s->unknown;
	s->end.octets_in = s->io->octets_in;
	s->end.octets_out = s->io->octets_out;
}

/* In static storage: only the pages that a session touches use memory. */
static struct lineio io;
static struct smtp_session session;

/*
 * A last reply should arrive.  A client that never got in is not waited for:
 * many such at a time would take the slots of others.
 */
static bool
deserves_linger(uint32_t end)
{
	return end != END_QUIT && end != END_EOF && end != END_PROXY &&
	    end != END_AWAY;
}

static void
serve_one(struct ask *master, const struct ipc_settings *settings)
{
	struct ipc_session start;
	struct peer peer = { .master = master };

	peer.socket = ask_session(master, &start, &peer.output);
	memset(&session, 0, sizeof(session));
	lineio_init(&io, &peer_ops, &peer);
	session.master = master;
	session.settings = settings;
	session.io = &io;
	session.auth = (enum ipc_auth)start.auth;
	session.submission = session.auth == IPC_AUTH_SUBMISSION;
	session.lacks = start.lacks;
	session.peer = &peer;
	session.tls_first = start.tls_first != 0;
	session.proxied = start.proxied != 0;
	smtp_note_room(&session, start.room);
	transcript_begin(master, settings->trace);
	run(&session);
	tls_peer_close(&session.under_tls);
	if (deserves_linger(session.end.end))
		peer_linger(&peer);
	close(peer.socket);
	transcript_end();
	/* Last of all: the master may then close the channel. */
	tell_end(master, &session.end);
}

void
smtp_session_serve(int channel, const struct ipc_settings *settings)
{
	struct ask master = { .channel = channel };
	const char *what;

	if ((sandbox_limit_file(settings->message_size_bytes +
	    trace_field_max_bytes + 1024) == -1 ||
	    sandbox_enter(SANDBOX_SMTP, NULL, 0, &what) == -1) &&
	    !settings->sandbox_optional)
		_exit(smtp_session_exit_unsafe);
	for (uint64_t i = 0; i < settings->worker_sessions; i++)
		serve_one(&master, settings);
	_exit(0);
}
