/*
 * Non-blocking octets, either way.
 */
#include "worker/relay_wire.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/deadline.h"
#include "shared/log.h"
#include "worker/tls_context.h"
#include "worker/tls_peer.h"

enum {
	broken_ms = 5000,	/* for what was said before */
	stopping_ms = 60000	/* for the reply to the final dot */
};

void
relay_wire_put(struct relay_wire *w, struct span s)
{
	if (s.n > sizeof(w->out) - w->out_n)
		bug("relay: no space for output");
	memcpy(w->out + w->out_n, s.p, s.n);
	w->out_n += s.n;
}

/* LF as CRLF, and dots at the start of a line doubled (RFC 5321 4.5.2). */
void
relay_wire_put_text(struct relay_wire *w, struct relay_text *t, struct span s)
{
	t->octets += s.n;
	while (s.n > 0) {
		const uint8_t *lf = memchr(s.p, '\n', s.n);
		size_t n = lf == NULL ? s.n : (size_t)(lf - s.p);

		if (!t->in_line && s.p[0] == '.')
			relay_wire_put(w, span_of("."));
		relay_wire_put(w, span_from(s.p, n));
		t->in_line = lf == NULL;
		if (lf == NULL)
			break;
		relay_wire_put(w, span_of("\r\n"));
		t->lines++;
		s = span_skip(s, n + 1);
	}
}

/*
 * What came of n, which send(2), SSL_write() or the like returned: more than 0;
 * 0: nothing now, see events; or -1: nothing any more.
 */
static int
result_of(struct relay_wire *w, ssize_t n, short event)
{
	int error = w->tls == NULL || n > 0 ? SSL_ERROR_NONE :
	    SSL_get_error(w->tls, (int)n);

	if (n > 0)
		return (int)n;
	if (w->tls != NULL ? error != SSL_ERROR_WANT_READ &&
	    error != SSL_ERROR_WANT_WRITE : n == 0 || (errno != EAGAIN &&
	    errno != EWOULDBLOCK && errno != EINTR))
		return -1;
	w->events |= w->tls == NULL ? event :
	    error == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN;
	return 0;
}

/* True: there was progress, the end of the connection included. */
static bool
write_some(struct relay_wire *w)
{
	int n;

	if (w->out_n == 0 || w->broken)
		return false;
	ERR_clear_error();
	n = result_of(w, w->tls != NULL ?
	    SSL_write(w->tls, w->out, (int)w->out_n) : send(w->socket, w->out,
	    w->out_n, MSG_NOSIGNAL | MSG_DONTWAIT), POLLOUT);
	w->broken = n < 0;
	if (n > 0) {
		w->out_n -= (size_t)n;
		memmove(w->out, w->out + n, w->out_n);
	}
	return n != 0;
}

static bool
read_some(struct relay_wire *w)
{
	size_t room = sizeof(w->in) - w->in_n;
	int n;

	if (room == 0 || w->closed)
		return false;
	ERR_clear_error();
	n = result_of(w, w->tls != NULL ?
	    SSL_read(w->tls, w->in + w->in_n, (int)room) : recv(w->socket,
	    w->in + w->in_n, room, MSG_DONTWAIT), POLLIN);
	w->closed = n < 0;
	if (n > 0)
		w->in_n += (size_t)n;
	return n != 0;
}

/* A shutdown does not wait for more than the reply to a final dot. */
static enum relay_end
hear_master(struct relay_wire *w)
{
	int64_t end_ms = deadline_now_ms() + stopping_ms;

	w->passed = ask_record(w->master, &w->record);
	if (w->record.type != IPC_STRESS) {
		w->has_record = true;
		return RELAY_END_STOPPED;
	}
	if (w->master->stress == STRESS_END && w->end_ms > end_ms)
		w->end_ms = end_ms;
	return w->master->stress == STRESS_END && !w->sends_text ?
	    RELAY_END_STOPPED : RELAY_END_REPLY;
}

/* Waits for events of the socket, or the master. */
static enum relay_end
wait_for(struct relay_wire *w, int64_t deadline_ms)
{
	struct pollfd fds[2] = {
		{ .fd = w->socket, .events = w->events },
		{ .fd = w->master->channel, .events = POLLIN }
	};
	int left = deadline_left_ms(deadline_ms < w->end_ms ? deadline_ms :
	    w->end_ms);

	if (left == 0)
		return RELAY_END_TIMEOUT;
	/* What the host said comes first: it may be that no work goes on. */
	if (poll(fds, 2, left) > 0 && fds[1].revents != 0 &&
	    (fds[0].revents & POLLIN) == 0)
		return hear_master(w);
	return RELAY_END_REPLY;
}

enum relay_end
relay_wire_turn(struct relay_wire *w, int64_t deadline_ms)
{
	int64_t now_ms = deadline_now_ms();
	enum relay_end end;
	bool moved;

	for (;;) {
		if (deadline_left_ms(deadline_ms) == 0)
			return RELAY_END_TIMEOUT;
		w->events = 0;
		moved = write_some(w);
		moved |= read_some(w);
		if (moved)
			return RELAY_END_REPLY;
		if (w->closed)
			return RELAY_END_LOST;
		if (w->broken && deadline_ms > now_ms + broken_ms)
			deadline_ms = now_ms + broken_ms;
		end = wait_for(w, deadline_ms);
		if (end != RELAY_END_REPLY)
			return w->broken && end == RELAY_END_TIMEOUT ?
			    RELAY_END_LOST : end;
	}
}

enum relay_end
relay_wire_reply(struct relay_wire *w, struct relay_reply *out,
    struct relay_offers *offers, int64_t deadline_ms)
{
	enum relay_end end = RELAY_END_REPLY;
	enum relay_read read;

	memset(out, 0, sizeof(*out));
	do {
		struct span in = span_from(w->in, w->in_n);

		read = relay_reply_take(out, &in, offers);
		memmove(w->in, in.p, in.n);
		w->in_n = in.n;
		if (read == RELAY_READ_MORE)
			end = relay_wire_turn(w, deadline_ms);
	} while (read == RELAY_READ_MORE && end == RELAY_END_REPLY);
	return read == RELAY_READ_BROKEN ? RELAY_END_SYNTAX : end;
}

enum relay_end
relay_wire_secure(struct relay_wire *w, struct span host, int64_t deadline_ms,
    struct ipc_tls *out, const char **why)
{
	enum relay_end end = RELAY_END_REPLY;
	char name[smtp_domain_max_bytes + 1] = "";
	int result = 0;

	memcpy(name, host.p, host.n);
	*why = "input came before the handshake";
	if (w->in_n > 0)
		return RELAY_END_TLS;
	*why = "no memory for TLS";
	w->tls = tls_context_client() == NULL ? NULL :
	    SSL_new(tls_context_client());
	if (w->tls == NULL || SSL_set_fd(w->tls, w->socket) != 1 ||
	    (host.n > 0 && SSL_set_tlsext_host_name(w->tls, name) != 1))
		return RELAY_END_TLS;
	*why = NULL;
	while (end == RELAY_END_REPLY) {
		w->events = 0;
		ERR_clear_error();
		result = result_of(w, SSL_connect(w->tls), 0);
		if (result != 0)
			break;
		end = wait_for(w, deadline_ms);
	}
	if (result > 0)
		tls_peer_name(SSL_get_version(w->tls),
		    SSL_get_cipher_name(w->tls), out);
	if (result >= 0)
		return end;
	*why = ERR_reason_error_string(ERR_peek_last_error());
	if (*why == NULL)
		*why = "the connection was lost in the handshake";
	return RELAY_END_TLS;
}

void
relay_wire_close(struct relay_wire *w)
{
	if (w->tls != NULL && !w->broken)
		(void)SSL_shutdown(w->tls);
	SSL_free(w->tls);
	close(w->socket);
	w->tls = NULL;
	w->socket = -1;
}
