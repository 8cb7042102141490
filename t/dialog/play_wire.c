/*
 * The client's connection, with a TLS of its own.
 */
#include <sys/socket.h>
#include <sys/time.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "t/dialog/play_wire.h"

/* That of every configuration in play_daemon.c. */
static char host[] = "mx.example.org";

long long
wire_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (long long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

const char *
wire_got_text(enum wire_got got)
{
	static const char *const texts[] = {
		[WIRE_SOME] = "more",
		[WIRE_NOTHING] = "nothing",
		[WIRE_CLOSED] = "a close",
		[WIRE_CUT] = "a close without close_notify",
		[WIRE_BROKEN] = "an error of TLS"
	};

	return texts[got];
}

int
wire_connect(struct wire *w, int port, int patience_s)
{
	const struct timeval tv = { patience_s, 0 };
	struct sockaddr_in sin;
	int on = 1;

	memset(w, 0, sizeof(*w));
	w->patience_s = patience_s;
	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_port = htons((in_port_t)port);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	w->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (w->fd == -1 ||
	    setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ||
	    setsockopt(w->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) ||
	    connect(w->fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		return -1;
	return 0;
}

/* Is it only a matter of time? Then waits for it; 0: not in time. */
static int
await_ready(struct wire *w, int error, long long end)
{
	struct pollfd pfd = { .fd = w->fd, .events = POLLIN };
	long long ms;

	if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
		return -1;
	if (error == SSL_ERROR_WANT_WRITE)
		pfd.events = POLLOUT;
	ms = end - wire_now_ms();
	return poll(&pfd, 1, ms < 0 ? 0 : (int)ms);
}

/* OpenSSL 3 has a reason for it, LibreSSL none. */
static bool
is_cut(unsigned long error)
{
	const char *reason = ERR_reason_error_string(error);

	return error == 0 ||
	    (reason != NULL && strcmp(reason, "unexpected eof while reading") ==
	    0);
}

static enum wire_got
read_tls(struct wire *w, void *to, size_t room, long long ms, size_t *out)
{
	long long end;
	int error, ready;

	end = wire_now_ms() + ms;
	do {
		ERR_clear_error();
		errno = 0;
		if (SSL_read_ex(w->ssl, to, room, out) == 1)
			return WIRE_SOME;
		error = SSL_get_error(w->ssl, 0);
		ready = await_ready(w, error, end);
	} while (ready > 0);
	if (ready == 0)
		return WIRE_NOTHING;
	if (error == SSL_ERROR_ZERO_RETURN)
		return WIRE_CLOSED;
	if (error == SSL_ERROR_SYSCALL || is_cut(ERR_peek_error()))
		return WIRE_CUT;
	return WIRE_BROKEN;
}

enum wire_got
wire_read(struct wire *w, void *to, size_t room, long long ms, size_t *out)
{
	struct pollfd pfd = { .fd = w->fd, .events = POLLIN };
	ssize_t n;

	if (ms < 0)
		ms = 0;
	if (w->ssl != NULL)
		return read_tls(w, to, room, ms, out);
	if (poll(&pfd, 1, (int)ms) == 0)
		return WIRE_NOTHING;
	n = recv(w->fd, to, room, 0);
	if (n <= 0)
		return WIRE_CLOSED;
	*out = (size_t)n;
	return WIRE_SOME;
}

enum wire_got
wire_drain(struct wire *w)
{
	enum wire_got got;
	char text[1024];
	long long end;
	size_t n;

	end = wire_now_ms() + w->patience_s * 1000;
	do
		got = wire_read(w, text, sizeof(text), end - wire_now_ms(),
		    &n);
	while (got == WIRE_SOME);
	return got;
}

static int
write_tls(struct wire *w, const void *data, size_t len, char *why, size_t size)
{
	long long end;
	size_t done;
	int error, ready;

	end = wire_now_ms() + w->patience_s * 1000;
	do {
		ERR_clear_error();
		if (SSL_write_ex(w->ssl, data, len, &done) == 1)
			return 0;
		error = SSL_get_error(w->ssl, 0);
		ready = await_ready(w, error, end);
	} while (ready > 0);
	if (ready != 0)
		return 0;
	snprintf(why, size, "%s", strerror(EAGAIN));
	return -1;
}

int
wire_write(struct wire *w, const void *data, size_t len, char *why,
    size_t size)
{
	const char *p;
	ssize_t n;

	if (w->ssl != NULL)
		return len == 0 ? 0 : write_tls(w, data, len, why, size);
	for (p = data; len > 0; p += n, len -= (size_t)n) {
		n = send(w->fd, p, len, MSG_NOSIGNAL);
		if (n == -1 && (errno == EPIPE || errno == ECONNRESET))
			return 0;
		if (n == -1) {
			snprintf(why, size, "%s", strerror(errno));
			return -1;
		}
	}
	return 0;
}

static void
forget_tls(struct wire *w)
{
	SSL_free(w->ssl);
	SSL_CTX_free(w->ctx);
	w->ssl = NULL;
	w->ctx = NULL;
}

/* A client that trusts that one certificate, and does not wait on reads. */
static int
prepare(struct wire *w, const char *trusted)
{
	int flags;

	w->ctx = SSL_CTX_new(TLS_client_method());
	if (w->ctx == NULL ||
	    SSL_CTX_load_verify_locations(w->ctx, trusted, NULL) != 1)
		return -1;
	SSL_CTX_set_verify(w->ctx, SSL_VERIFY_PEER, NULL);
	w->ssl = SSL_new(w->ctx);
	flags = fcntl(w->fd, F_GETFL);
	if (w->ssl == NULL || SSL_set_fd(w->ssl, w->fd) != 1 ||
	    SSL_set_tlsext_host_name(w->ssl, host) != 1 || flags == -1)
		return -1;
	return fcntl(w->fd, F_SETFL, flags | O_NONBLOCK);
}

/* Why a handshake failed, and whether it was the server's doing. */
static int
judge_failure(struct wire *w, int ready, char *why, size_t size)
{
	unsigned long error;

	error = ERR_peek_error();
	if (ready == 0) {
		snprintf(why, size, "nothing");
		return -1;
	}
	if (SSL_get_verify_result(w->ssl) != X509_V_OK) {
		snprintf(why, size, "another certificate");
		return -1;
	}
	if (is_cut(error))
		snprintf(why, size, "a close");
	else
		snprintf(why, size, "%s", ERR_reason_error_string(error));
	return 1;
}

int
wire_begin_tls(struct wire *w, const char *trusted, char *why, size_t size)
{
	long long end;
	int rc, ready;

	ERR_clear_error();
	if (prepare(w, trusted) == -1) {
		snprintf(why, size, "no certificate in %s", trusted);
		forget_tls(w);
		return -1;
	}
	end = wire_now_ms() + w->patience_s * 1000;
	do {
		ERR_clear_error();
		if ((rc = SSL_connect(w->ssl)) == 1)
			return 0;
		ready = await_ready(w, SSL_get_error(w->ssl, rc), end);
	} while (ready > 0);
	rc = judge_failure(w, ready, why, size);
	forget_tls(w);
	return rc;
}

void
wire_close(struct wire *w)
{
	if (w->ssl != NULL)
		SSL_shutdown(w->ssl);
	forget_tls(w);
	if (w->fd != -1)
		close(w->fd);
	w->fd = -1;
}
