/*
 * One client on a quiet server: sequential transactions, each on a new
 * connection with one 4 KiB message, timed from before connect(2) until the
 * reply to QUIT.  With -g only the greeting is waited for, which tells how
 * long a new client stands at the door.  Prints p50, p99 and the maximum in
 * milliseconds.  The server is never judged here beyond the expected code.
 */

#include <sys/socket.h>
#include <sys/time.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	count_max = 1000000,
	message_bytes = 4096,
	line_bytes = 64,
	reply_bytes = 8192,
	patience_s = 60
};

struct plan {
	struct sockaddr_in	to;
	struct sockaddr_in	from;
	const char		*recipient;
	int			greeting_only;
};

static char	message[message_bytes + 512];

static double
now_ms(void)
{
	struct timespec	ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) == -1)
		err(1, "clock_gettime");
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void
build_message(const char *recipient)
{
	size_t	at;
	int	n;

	n = snprintf(message, 512, "From: <latency@client.invalid>\r\n"
	    "To: <%.200s>\r\nSubject: latency\r\n\r\n", recipient);
	if (n < 0 || n >= 512)
		errx(1, "cannot build the message");
	at = (size_t)n;
	while (at + line_bytes + 2 <= message_bytes) {
		memset(message + at, 'x', line_bytes);
		memcpy(message + at + line_bytes, "\r\n", 2);
		at += line_bytes + 2;
	}
	memcpy(message + at, ".\r\n", 4);
}

static void
send_text(int fd, const char *text)
{
	size_t	len = strlen(text);

	if (write(fd, text, len) != (ssize_t)len)
		err(1, "write");
}

/* The last line of a reply is the one with a space behind its code. */
static int
complete(const char *buf, size_t len)
{
	const char	*line, *p;

	if (len < 5 || buf[len - 1] != '\n')
		return 0;
	line = buf;
	for (p = buf; p < buf + len - 1; p++) {
		if (*p == '\n')
			line = p + 1;
	}
	return buf + len - line >= 5 && line[3] == ' ';
}

static void
expect(int fd, char code, const char *after)
{
	char	buf[reply_bytes + 1];
	size_t	len = 0;
	ssize_t	n;

	do {
		n = read(fd, buf + len, reply_bytes - len);
		if (n == -1)
			err(1, "no reply to %s", after);
		if (n == 0)
			errx(1, "closed instead of a reply to %s", after);
		len += (size_t)n;
		buf[len] = '\0';
	} while (!complete(buf, len));
	if (buf[0] != code)
		errx(1, "refused at %s: %s", after, buf);
}

static int
open_connection(const struct plan *plan)
{
	struct timeval	tv = { .tv_sec = patience_s };
	int		fd;

	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd == -1)
		err(1, "socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) == -1)
		err(1, "setsockopt");
	if (bind(fd, (const struct sockaddr *)&plan->from,
	    sizeof(plan->from)) == -1)
		err(1, "bind");
	if (connect(fd, (const struct sockaddr *)&plan->to,
	    sizeof(plan->to)) == -1)
		err(1, "connect, %d s at most", patience_s);
	return fd;
}

static void
transaction(int fd, const struct plan *plan)
{
	char	rcpt[256];

	(void)snprintf(rcpt, sizeof(rcpt), "RCPT TO:<%.200s>\r\n",
	    plan->recipient);
	send_text(fd, "EHLO client.invalid\r\n");
	expect(fd, '2', "EHLO");
	send_text(fd, "MAIL FROM:<latency@client.invalid>\r\n");
	expect(fd, '2', "MAIL");
	send_text(fd, rcpt);
	expect(fd, '2', "RCPT");
	send_text(fd, "DATA\r\n");
	expect(fd, '3', "DATA");
	send_text(fd, message);
	expect(fd, '2', "the message");
}

static double
once(const struct plan *plan)
{
	double	start, took;
	int	fd;

	start = now_ms();
	fd = open_connection(plan);
	expect(fd, '2', "connect");
	took = now_ms() - start;
	if (!plan->greeting_only)
		transaction(fd, plan);
	send_text(fd, "QUIT\r\n");
	expect(fd, '2', "QUIT");
	if (!plan->greeting_only)
		took = now_ms() - start;
	(void)close(fd);
	return took;
}

static int
compare(const void *a, const void *b)
{
	const double	*x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void
run(const struct plan *plan, int count)
{
	double	*took;
	int	i;

	took = calloc((size_t)count, sizeof(*took));
	if (took == NULL)
		err(1, "calloc");
	for (i = 0; i < count; i++)
		took[i] = once(plan);
	qsort(took, (size_t)count, sizeof(*took), compare);
	printf("p50 %.2f p99 %.2f max %.2f\n", took[(count - 1) / 2],
	    took[(count - 1) * 99 / 100], took[count - 1]);
	free(took);
}

static int
number(const char *text, int max)
{
	char	*end;
	long	n;

	n = strtol(text, &end, 10);
	if (*text == '\0' || *end != '\0' || n < 1 || n > max)
		errx(1, "%s: not a number from 1 to %d", text, max);
	return (int)n;
}

int
main(int argc, char *argv[])
{
	struct plan	plan;
	const char	*from = "127.0.0.1";
	int		ch, count = 500, port = 0;

	memset(&plan, 0, sizeof(plan));
	plan.recipient = "bench@bench.test";
	while ((ch = getopt(argc, argv, "a:gn:p:r:")) != -1) {
		switch (ch) {
		case 'a':
			from = optarg;
			break;
		case 'g':
			plan.greeting_only = 1;
			break;
		case 'n':
			count = number(optarg, count_max);
			break;
		case 'p':
			port = number(optarg, 65535);
			break;
		case 'r':
			plan.recipient = optarg;
			break;
		default:
			port = 0;
			optind = argc + 1;
		}
	}
	if (port == 0 || optind != argc) {
		(void)fprintf(stderr, "usage: latency -p PORT [-g] "
		    "[-a FROM-ADDRESS] [-n COUNT] [-r RECIPIENT]\n");
		return 1;
	}
	plan.to.sin_family = plan.from.sin_family = AF_INET;
	plan.to.sin_port = htons((in_port_t)port);
	plan.to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (inet_pton(AF_INET, from, &plan.from.sin_addr) != 1)
		errx(1, "%s: not an IPv4 address", from);
	build_message(plan.recipient);
	run(&plan, count);
	return 0;
}
