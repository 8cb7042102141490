/*
 * The client's side of SMTP, as little as the tests need.
 */
#include "t/system/client.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/harness.h"

bool
client_connect(struct client *c, const struct daemon *d, const char *from)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	struct timeval patience = { harness_patience_ms / 1000, 0 };
	int one = 1;

	memset(c, 0, sizeof(*c));
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	EXPECT(c->fd != -1, "socket: %s", strerror(errno));
	/* For the connection, too. */
	setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
	    sizeof(patience));
	/* What is sent in two segments shall not wait for the first. */
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (from != NULL) {
		setsockopt(c->fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &one,
		    sizeof(one));
		inet_pton(AF_INET, from, &a.sin_addr);
		EXPECT(bind(c->fd, (void *)&a, sizeof(a)) == 0, "bind %s: %s",
		    from, strerror(errno));
	}
	inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
	a.sin_port = htons((uint16_t)d->port);
	if (connect(c->fd, (void *)&a, sizeof(a)) == 0)
		return true;
	client_close(c);
	return false;
}

void
client_open(struct client *c, const struct daemon *d, const char *from)
{
	int code;

	EXPECT(client_connect(c, d, from), "connect: %s", strerror(errno));
	code = client_reply(c);
	EXPECT(code == 220, "greeted with %d %s", code, c->reply);
}

bool
client_send(struct client *c, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = send(c->fd, p, n, MSG_NOSIGNAL);

		if (k == -1 && errno == EINTR)
			continue;
		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return true;
}

/* Adds to what was read; false when nothing comes any more. */
static bool
read_more(struct client *c, int ms)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	ssize_t n;

	if (c->n == sizeof(c->in) || poll(&p, 1, ms) <= 0)
		return false;
	n = read(c->fd, c->in + c->n, sizeof(c->in) - c->n);
	if (n <= 0)
		return false;
	c->n += (size_t)n;
	return true;
}

int
client_reply(struct client *c)
{
	for (;;) {
		char *lf = memchr(c->in, '\n', c->n);
		size_t n;

		if (lf == NULL) {
			if (!read_more(c, harness_patience_ms))
				return 0;
			continue;
		}
		n = (size_t)(lf - c->in) + 1;
		snprintf(c->reply, sizeof(c->reply), "%.*s", (int)n - 1,
		    c->in);
		c->reply[strcspn(c->reply, "\r")] = '\0';
		memmove(c->in, c->in + n, c->n - n);
		c->n -= n;
		if (strlen(c->reply) < 4 || c->reply[3] != '-')
			return atoi(c->reply);
	}
}

int
client_command(struct client *c, const char *fmt, ...)
{
	char line[2048];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line) - 2, fmt, ap);
	va_end(ap);
	line[n++] = '\r';
	line[n++] = '\n';
	if (!client_send(c, line, (size_t)n))
		return 0;
	return client_reply(c);
}

void
client_expect(struct client *c, int code, const char *line)
{
	int got = client_command(c, "%s", line);

	EXPECT(got == code, "%s: wanted %d, got %d %s", line, code, got,
	    c->reply);
}

int
client_begin(struct client *c, const char *const rcpts[])
{
	int code = client_command(c, "EHLO client.example.net");

	if (code == 250)
		code = client_command(c, "MAIL FROM:<sender@example.net>");
	for (; *rcpts != NULL && code == 250; rcpts++)
		code = client_command(c, "RCPT TO:<%s@example.org>", *rcpts);
	return code == 250 ? client_command(c, "DATA") : code;
}

int
client_mail(struct client *c, unsigned number, size_t size,
    const char *const rcpts[])
{
	int code = client_begin(c, rcpts);
	char *text;
	bool sent;

	if (code != 354)
		return code;
	text = mail_text(number, size, "\r\n");
	sent = client_send(c, text, strlen(text)) &&
	    client_send(c, ".\r\n", 3);
	free(text);
	return sent ? client_reply(c) : 0;
}

int
client_deliver(const struct daemon *d, const char *from, unsigned number,
    size_t size, const char *user)
{
	const char *const rcpts[] = { user, NULL };
	struct client c;
	int code;

	if (!client_connect(&c, d, from))
		return 0;
	code = client_reply(&c);
	if (code == 220)
		code = client_mail(&c, number, size, rcpts);
	client_command(&c, "QUIT");
	client_close(&c);
	return code;
}

void
client_expect_refused(const struct daemon *d, const char *from)
{
	struct client c;
	int code;

	EXPECT(client_connect(&c, d, from), "connect: %s", strerror(errno));
	code = client_reply(&c);
	EXPECT(code == 421, "%s: wanted 421, got %d %s", from, code, c.reply);
	EXPECT(client_is_closed(&c), "%s: not closed after 421", from);
	client_close(&c);
}

void
client_expect_attacks(const struct daemon *d, const char *const lines[],
    size_t count)
{
	struct client c;
	char from[32];

	for (size_t i = 0; i < count; i++) {
		snprintf(from, sizeof(from), "127.0.0.%zu", 2 + i);
		EXPECT(client_connect(&c, d, from) && client_send(&c,
		    lines[i], strlen(lines[i])), "connect");
		client_reply(&c);
		EXPECT(strcmp(c.reply, "dropped") == 0, "%s: %s", lines[i],
		    c.reply);
		client_close(&c);
		EXPECT(WAIT(daemon_logged(d, " event=worker-attack ",
		    NULL) == i + 1), "%s: %s", lines[i],
		    daemon_last_words(d));
	}
}

bool
client_is_closed(struct client *c)
{
	int64_t left, until = harness_now_ms() + harness_patience_ms;

	do {
		c->n = 0;
		left = until - harness_now_ms();
	} while (left > 0 && read_more(c, (int)left));
	return harness_now_ms() < until;
}

void
client_close(struct client *c)
{
	if (c->fd != -1)
		close(c->fd);
	c->fd = -1;
}
