/*
 * Opens many idle SMTP connections from several loopback addresses, reads
 * each greeting and holds them all until its standard input ends or SIGTERM
 * comes.  Then it says how many the server had kept open; with -c a session
 * counts only if it then answers NOOP.  Before that it sends nothing: what an
 * idle session costs is measured from outside, by t/bench/bench.sh.
 */

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	connections_max = 60000,
	addresses_max = 200,
	spare_descriptors = 16,
	patience_s = 30
};

static volatile sig_atomic_t	told_to_end;

static void
on_term(int sig)
{
	told_to_end = sig;
	(void)close(STDIN_FILENO);	/* ends a read about to begin, too */
}

static double
now_ms(void)
{
	struct timespec	ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) == -1)
		err(1, "clock_gettime");
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void
need_descriptors(int connections)
{
	struct rlimit	rl;
	rlim_t		need = (rlim_t)connections + spare_descriptors;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		err(1, "getrlimit");
	if (rl.rlim_max != RLIM_INFINITY && rl.rlim_max < need)
		errx(1, "%d connections need %ju descriptors, the limit here "
		    "is %ju: raise it with ulimit -Hn", connections,
		    (uintmax_t)need, (uintmax_t)rl.rlim_max);
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		err(1, "setrlimit");
}

/* The port is chosen at connect(2): many addresses, each with all ports. */
static int
open_from(int last_octet, int port)
{
	struct sockaddr_in	sin;
	struct timeval		tv = { .tv_sec = patience_s };
	int			fd, on = 1;

	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd == -1)
		err(1, "socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == -1)
		err(1, "SO_RCVTIMEO");
	if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
	    sizeof(on)) == -1)
		err(1, "IP_BIND_ADDRESS_NO_PORT");
	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(0x7f000000U | (in_addr_t)last_octet);
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "bind 127.0.0.%d", last_octet);
	sin.sin_port = htons((in_port_t)port);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "connect from 127.0.0.%d", last_octet);
	return fd;
}

static void
read_greeting(int fd, int which)
{
	char	buf[1024];
	size_t	len = 0;
	ssize_t	n;

	do {
		n = read(fd, buf + len, sizeof(buf) - 1 - len);
		if (n == -1)
			err(1, "connection %d: no greeting", which);
		if (n == 0)
			errx(1, "connection %d: closed, no greeting", which);
		len += (size_t)n;
		buf[len] = '\0';
	} while (buf[len - 1] != '\n');
	if (strncmp(buf, "220", 3) != 0)
		errx(1, "connection %d: refused: %s", which, buf);
}

static int
still_open(int fd)
{
	char	byte;

	return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == -1 &&
	    (errno == EAGAIN || errno == EWOULDBLOCK);
}

static int
still_serves(int fd)
{
	char	buf[256];
	ssize_t	n;

	if (send(fd, "NOOP\r\n", 6, MSG_NOSIGNAL) != 6)
		return 0;
	n = read(fd, buf, sizeof(buf));
	return n > 4 && strncmp(buf, "250 ", 4) == 0;
}

static void
wait_for_end(void)
{
	char	buf[64];
	ssize_t	n = 1;

	while (!told_to_end && (n > 0 || (n == -1 && errno == EINTR)))
		n = read(STDIN_FILENO, buf, sizeof(buf));
}

static void
hold(int connections, int addresses, int port, int commands)
{
	double	all, start, took, slowest = 0;
	int	*fd, i, kept = 0;

	fd = calloc((size_t)connections, sizeof(*fd));
	if (fd == NULL)
		err(1, "calloc");
	all = now_ms();
	for (i = 0; i < connections && !told_to_end; i++) {
		start = now_ms();
		fd[i] = open_from(2 + i % addresses, port);
		read_greeting(fd[i], i + 1);
		took = now_ms() - start;
		if (took > slowest)
			slowest = took;
	}
	connections = i;
	printf("held %d seconds %.2f slowest %.1f\n", connections,
	    (now_ms() - all) / 1e3, slowest);
	(void)fflush(stdout);
	wait_for_end();
	for (i = 0; i < connections; i++)
		kept += still_open(fd[i]) &&
		    (!commands || still_serves(fd[i]));
	printf("kept %d\n", kept);
	free(fd);
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
	struct sigaction	sa;
	int			addresses = 10, ch, connections = 1000;
	int			commands = 0, port = 0;

	while ((ch = getopt(argc, argv, "a:cn:p:")) != -1) {
		switch (ch) {
		case 'a':
			addresses = number(optarg, addresses_max);
			break;
		case 'c':
			commands = 1;
			break;
		case 'n':
			connections = number(optarg, connections_max);
			break;
		case 'p':
			port = number(optarg, 65535);
			break;
		default:
			port = 0;
			optind = argc + 1;
		}
	}
	if (port == 0 || optind != argc) {
		(void)fprintf(stderr, "usage: hold -p PORT [-c] "
		    "[-n CONNECTIONS] [-a ADDRESSES]\n");
		return 1;
	}
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_term;
	if (sigaction(SIGTERM, &sa, NULL) == -1)
		err(1, "sigaction");
	need_descriptors(connections);
	hold(connections, addresses, port, commands);
	return 0;
}
