/*
 * Many clients that stall and do not give up.  Each connects, reads the
 * greeting, says half a command and then nothing; whoever is sent away or
 * closed comes back a second later.  So many from so many addresses, each of
 * which is a network of its own (127.N.0.1), until standard input ends.
 *
 *	stall -p PORT [-n CLIENTS] [-a ADDRESSES]
 *
 * Prints "ready" when each has tried and two seconds have passed, and at the
 * end "greeted N waiting N away N returned N": who stands still in a session,
 * who is connected without a greeting, who is away for his second, and how
 * often somebody was sent away.
 */
#include <sys/resource.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	clients_max = 20000,
	addresses_max = 200,
	first_network = 10,	/* 127.10.0.1 is the first */
	spare_descriptors = 16,
	pause_ms = 1000,
	settle_ms = 2000
};

struct stalled {
	int	fd;		/* -1: away */
	int	from;		/* N of 127.N.0.1 */
	int	greeted;
	int64_t	back_ms;	/* when it comes again */
};

static unsigned long	returned;

static int64_t
now_ms(void)
{
	struct timespec	t;

	if (clock_gettime(CLOCK_MONOTONIC, &t) == -1)
		err(1, "clock_gettime");
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
need_descriptors(int clients)
{
	struct rlimit	rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		err(1, "getrlimit");
	if (rl.rlim_max < (rlim_t)(clients + spare_descriptors))
		errx(1, "%d clients need more descriptors than the limit here, "
		    "%ju: raise it with ulimit -Hn", clients,
		    (uintmax_t)rl.rlim_max);
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		err(1, "setrlimit");
}

static void
leave(struct stalled *s)
{
	close(s->fd);
	s->fd = -1;
	s->greeted = 0;
	s->back_ms = now_ms() + pause_ms;
	returned++;
}

static void
come(struct stalled *s, int port)
{
	struct sockaddr_in	a = { .sin_family = AF_INET };
	int			on = 1;

	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (s->fd == -1)
		err(1, "socket");
	if (setsockopt(s->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
	    sizeof(on)) == -1)
		err(1, "IP_BIND_ADDRESS_NO_PORT");
	a.sin_addr.s_addr = htonl(0x7f000001U | (in_addr_t)s->from << 16);
	if (bind(s->fd, (struct sockaddr *)&a, sizeof(a)) == -1)
		err(1, "bind 127.%d.0.1", s->from);
	a.sin_port = htons((in_port_t)port);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(s->fd, (struct sockaddr *)&a, sizeof(a)) == -1 &&
	    errno != EINPROGRESS)
		leave(s);
}

/* A greeting is answered with half a command; 421 and an end send it away. */
static void
listen_to(struct stalled *s)
{
	static const char	half[] = "EHLO client.invalid\r\nMAIL FROM:<";
	char			text[1024];
	ssize_t			n = read(s->fd, text, sizeof(text));

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 3 || strncmp(text, "421", 3) == 0) {
		leave(s);
		return;
	}
	if (s->greeted || strncmp(text, "220", 3) != 0)
		return;
	s->greeted = 1;
	if (send(s->fd, half, sizeof(half) - 1, MSG_NOSIGNAL) == -1)
		leave(s);
}

static void
say_how_many(const struct stalled *s, int clients)
{
	int	away = 0, greeted = 0, waiting = 0;

	for (int i = 0; i < clients; i++) {
		away += s[i].fd == -1;
		greeted += s[i].fd != -1 && s[i].greeted;
		waiting += s[i].fd != -1 && !s[i].greeted;
	}
	printf("greeted %d waiting %d away %d returned %lu\n", greeted,
	    waiting, away, returned);
}

/* One turn; false when standard input has ended. */
static int
turn(struct stalled *s, struct pollfd *p, int clients, int port)
{
	char	byte;

	for (int i = 0; i < clients; i++) {
		if (s[i].fd == -1 && now_ms() >= s[i].back_ms)
			come(&s[i], port);
		p[i] = (struct pollfd){ .fd = s[i].fd, .events = POLLIN };
	}
	p[clients] = (struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN };
	if (poll(p, (nfds_t)clients + 1, 100) == -1 && errno != EINTR)
		err(1, "poll");
	for (int i = 0; i < clients; i++)
		if (p[i].fd != -1 && p[i].revents != 0)
			listen_to(&s[i]);
	return p[clients].revents == 0 || read(STDIN_FILENO, &byte, 1) > 0;
}

static void
stall(int clients, int addresses, int port)
{
	struct stalled	*s = calloc((size_t)clients, sizeof(*s));
	struct pollfd	*p = calloc((size_t)clients + 1, sizeof(*p));
	int64_t		begun = now_ms();
	int		ready = 0;

	if (s == NULL || p == NULL)
		err(1, "calloc");
	for (int i = 0; i < clients; i++) {
		s[i].fd = -1;
		s[i].from = first_network + i % addresses;
	}
	while (turn(s, p, clients, port)) {
		if (!ready && now_ms() - begun >= settle_ms) {
			printf("ready\n");
			(void)fflush(stdout);
			ready = 1;
		}
	}
	say_how_many(s, clients);
	free(s);
	free(p);
}

int
main(int argc, char *argv[])
{
	int	addresses = 10, ch, clients = 1000, port = 0;

	while ((ch = getopt(argc, argv, "a:n:p:")) != -1) {
		if (ch == 'a')
			addresses = atoi(optarg);
		else if (ch == 'n')
			clients = atoi(optarg);
		else if (ch == 'p')
			port = atoi(optarg);
		else
			return 2;
	}
	if (optind != argc || port < 1 || port > 65535 || clients < 1 ||
	    clients > clients_max || addresses < 1 ||
	    addresses > addresses_max) {
		(void)fprintf(stderr, "usage: stall -p PORT [-n CLIENTS] "
		    "[-a ADDRESSES]\n");
		return 2;
	}
	need_descriptors(clients);
	stall(clients, addresses, port);
	return 0;
}
