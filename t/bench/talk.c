/*
 * SMTP as the clients of submit.c speak it: blocking, and OpenSSL below it.
 */
#include "t/bench/talk.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <netinet/tcp.h>

#include <openssl/err.h>

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { reply_bytes = 8192 };

static SSL_CTX	*context;

static _Noreturn void
tls_failed(const char *what)
{
	const char	*why = ERR_reason_error_string(ERR_peek_error());

	errx(1, "%s: %s", what, why == NULL ? "the connection ended" : why);
}

void
talk_init(void)
{
	context = SSL_CTX_new(TLS_client_method());
	if (context == NULL ||
	    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1)
		tls_failed("TLS 1.3");
}

static void
send_text(const struct line *l, const char *text)
{
	size_t	len = strlen(text);

	if (l->tls == NULL) {
		if (write(l->fd, text, len) != (ssize_t)len)
			err(1, "write");
	} else if (SSL_write(l->tls, text, (int)len) != (int)len)
		tls_failed("write");
}

static size_t
receive(const struct line *l, char *to, size_t room, const char *after)
{
	ssize_t	n;

	n = l->tls == NULL ? read(l->fd, to, room) :
	    SSL_read(l->tls, to, (int)room);
	if (n <= 0)
		errx(1, "closed or silent instead of a reply to %s", after);
	return (size_t)n;
}

/* The last line of a reply is the one with a space behind its code. */
static int
complete(const char *buf, size_t len)
{
	const char	*at = buf, *p;

	if (len < 5 || buf[len - 1] != '\n')
		return 0;
	for (p = buf; p < buf + len - 1; p++) {
		if (*p == '\n')
			at = p + 1;
	}
	return buf + len - at >= 5 && at[3] == ' ';
}

void
talk_expect(const struct line *l, const char *code, const char *after)
{
	char	buf[reply_bytes + 1];
	size_t	len = 0;

	do {
		len += receive(l, buf + len, reply_bytes - len, after);
		buf[len] = '\0';
	} while (!complete(buf, len));
	if (strncmp(buf, code, strlen(code)) != 0)
		errx(1, "not %s to %s: %s", code, after, buf);
}

void
talk_say(const struct line *l, const char *text, const char *code)
{
	send_text(l, text);
	talk_expect(l, code, text);
}

struct line
talk_open(in_addr_t address, int port)
{
	struct sockaddr_in	sin = { .sin_family = AF_INET };
	struct timeval		tv = { .tv_sec = talk_patience_s };
	struct line		l = { .tls = NULL };
	int			on = 1;

	l.fd = socket(AF_INET, SOCK_STREAM, 0);
	if (l.fd == -1)
		err(1, "socket");
	if (setsockopt(l.fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == -1)
		err(1, "SO_RCVTIMEO");
	/* EHLO right behind the handshake waits for no acknowledgement. */
	if (setsockopt(l.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1)
		err(1, "TCP_NODELAY");
	sin.sin_addr.s_addr = htonl(address);
	if (address != INADDR_LOOPBACK &&
	    bind(l.fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "bind");
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons((in_port_t)port);
	if (connect(l.fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "connect");
	return l;
}

void
talk_begin_tls(struct line *l)
{
	SSL	*tls = SSL_new(context);

	if (tls == NULL || SSL_set_fd(tls, l->fd) != 1)
		tls_failed("a new connection");
	if (SSL_connect(tls) != 1)
		tls_failed("handshake");
	if (SSL_session_reused(tls))
		errx(1, "the handshake was not in full");
	l->tls = tls;
}

struct line
talk_greet(in_addr_t address, int port, int tls)
{
	struct line	l = talk_open(address, port);

	talk_expect(&l, "220", "connect");
	talk_say(&l, "EHLO client.invalid\r\n", "250");
	if (tls) {
		talk_say(&l, "STARTTLS\r\n", "220");
		talk_begin_tls(&l);
		talk_say(&l, "EHLO client.invalid\r\n", "250");
	}
	return l;
}

void
talk_end(struct line *l)
{
	if (l->tls != NULL) {
		(void)SSL_shutdown(l->tls);
		SSL_free(l->tls);
	}
	(void)close(l->fd);
}

void
talk_leave(struct line *l)
{
	char	buf[reply_bytes];
	ssize_t	n;

	(void)SSL_shutdown(l->tls);
	do
		n = read(l->fd, buf, sizeof(buf));
	while (n > 0);
	if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
		errx(1, "not closed within %d s", talk_patience_s);
	SSL_free(l->tls);
	(void)close(l->fd);
}

int
talk_still_serves(const struct line *l)
{
	char	buf[256];
	ssize_t	n;

	if (l->tls == NULL)
		n = write(l->fd, "NOOP\r\n", 6) == 6 ?
		    read(l->fd, buf, sizeof(buf)) : -1;
	else
		n = SSL_write(l->tls, "NOOP\r\n", 6) == 6 ?
		    SSL_read(l->tls, buf, sizeof(buf)) : -1;
	return n > 4 && strncmp(buf, "250 ", 4) == 0;
}
