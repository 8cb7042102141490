/* Replies and text over the line reader. */
#include "worker/relay_wire.h"

#include <string.h>
#include <unistd.h>

#include "shared/deadline.h"

enum {
	broken_ms = 5000,	/* for what was said before */
	block_bytes = 16 * 1024
};

void
relay_wire_open(struct relay_wire *w, struct ask *master, int socket)
{
	w->peer = (struct peer){ .socket = socket, .output = -1,
	    .master = master, .host = true };
	lineio_init(&w->io, &peer_ops, &w->peer);
	w->io.idle_ms = relay_patience_ms;
}

static void
set_wait(struct relay_wire *w, int64_t ms)
{
	int64_t until_ms;

	if (ms > peer_stopping_ms && w->peer.master->stress == STRESS_END)
		ms = peer_stopping_ms;
	if (ms > broken_ms && w->broken)
		ms = broken_ms;
	until_ms = deadline_now_ms() + ms;
	w->io.deadline_ms = until_ms < w->end_ms ? until_ms : w->end_ms;
}

static enum relay_end
end_of(struct relay_wire *w, enum line_result result)
{
	if (result == LINE_OK)
		return RELAY_END_REPLY;
	if (result == LINE_GONE || (result == LINE_TIMEOUT &&
	    w->peer.master->stress == STRESS_END))
		return RELAY_END_STOPPED;
	return result == LINE_TIMEOUT && !w->broken ? RELAY_END_TIMEOUT :
	    RELAY_END_LOST;
}

enum relay_end
relay_wire_reply(struct relay_wire *w, struct relay_reply *out,
    struct relay_offers *offers, int64_t ms)
{
	enum relay_read read = RELAY_READ_MORE;
	enum line_result result;
	struct span in;
	uint8_t *p;

	memset(out, 0, sizeof(*out));
	set_wait(w, ms);
	result = lineio_flush(&w->io);
	if (result == LINE_EOF || result == LINE_ERROR) {
		w->broken = true;
		set_wait(w, ms);
		result = LINE_OK;
	}
	while (read == RELAY_READ_MORE && result == LINE_OK) {
		result = lineio_read_some(&w->io, &p, &in.n);
		if (result != LINE_OK)
			break;
		in.p = p;
		read = relay_reply_take(out, &in, offers);
		lineio_unread(&w->io, in.n);
	}
	return read == RELAY_READ_BROKEN ? RELAY_END_SYNTAX :
	    end_of(w, result);
}

/* LF as CRLF, and dots at the start of a line doubled (RFC 5321 4.5.2). */
static enum line_result
put_text(struct lineio *io, struct span s, bool *in_line, uint64_t *lines)
{
	enum line_result result = LINE_OK;

	while (s.n > 0 && result == LINE_OK) {
		const uint8_t *lf = memchr(s.p, '\n', s.n);
		size_t n = lf == NULL ? s.n : (size_t)(lf - s.p);

		if (!*in_line && s.p[0] == '.')
			result = lineio_put(io, span_of("."));
		if (result == LINE_OK)
			result = lineio_put(io, span_from(s.p, n));
		if (result == LINE_OK && lf != NULL)
			result = lineio_put(io, span_of("\r\n"));
		*in_line = lf == NULL;
		*lines += lf != NULL;
		s = span_skip(s, n + (lf != NULL));
	}
	return result;
}

enum relay_end
relay_wire_text(struct relay_wire *w, const struct ipc_letter *l, int file,
    int64_t ms, const char **why)
{
	static uint8_t block[block_bytes];
	enum line_result result = LINE_OK;
	uint64_t left = l->size, lines = 0;
	off_t at = (off_t)l->at;
	bool in_line = false;
	ssize_t got;
	size_t n;

	for (; left > 0 && result == LINE_OK; left -= n) {
		n = left < sizeof(block) ? (size_t)left : sizeof(block);
		got = pread(file, block, n, at);
		*why = got == -1 ? "its file cannot be read" : "it is short";
		if (got != (ssize_t)n)
			return got == -1 ? RELAY_END_LOCAL : RELAY_END_DAMAGED;
		*why = "it has a CR";
		if (memchr(block, '\r', n) != NULL)
			return RELAY_END_DAMAGED;
		at += (off_t)n;
		set_wait(w, ms);
		result = put_text(&w->io, span_from(block, n), &in_line,
		    &lines);
	}
	*why = "it has other lines";
	if (result == LINE_OK && lines != l->lines)
		return RELAY_END_DAMAGED;
	*why = NULL;
	set_wait(w, ms);
	if (result == LINE_OK)
		result = lineio_put(&w->io, span_of(in_line ? "\r\n.\r\n" :
		    ".\r\n"));
	return end_of(w, result != LINE_OK ? result : lineio_flush(&w->io));
}

enum relay_end
relay_wire_secure(struct relay_wire *w, const char *host, int64_t ms,
    struct ipc_tls *out, const char **why)
{
	enum tls_fail fail;

	*why = "input came before the handshake";
	if (lineio_buffered(&w->io) > 0 || peer_has_input(&w->peer))
		return RELAY_END_TLS;
	set_wait(w, ms);
	if (tls_peer_begin(&w->tls, &w->peer, host, w->io.deadline_ms, out,
	    &fail)) {
		lineio_init(&w->io, &tls_peer_ops, &w->tls);
		return RELAY_END_REPLY;
	}
	*why = tls_peer_reason(fail);
	return fail == TLS_FAIL_TIMEOUT ? end_of(w, LINE_TIMEOUT) :
	    fail == TLS_FAIL_GONE ? end_of(w, LINE_GONE) : RELAY_END_TLS;
}
