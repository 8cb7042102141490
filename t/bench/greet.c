/*
 * How long a server needs from its execution to its first greeting.
 *
 *	greet [-n RUNS] [-p PORT] -- PROGRAM [ARGUMENT ...]
 *
 * Without -p the program is run as inetd does it: a fresh TCP connection is
 * its descriptors 0, 1 and 2.  With -p it has to listen on 127.0.0.1 at that
 * port by itself, and connections are tried until one is taken.  After the
 * greeting the client says QUIT, and the server is waited for, with -p after
 * a SIGTERM.  The clock starts in the child, right before execv(3).
 *
 * Prints "p50 MS least MS most MS runs N"; exit status 1 when a run fails.
 */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { runs_max = 10000, patience_ms = 20000, retry_us = 100 };

/* Shared with the child: when it was about to execute the program. */
static int64_t *started_ns;

static _Noreturn void
die(const char *what)
{
	fprintf(stderr, "greet: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct sockaddr_in
address(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };

	a.sin_port = htons((uint16_t)port);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

/* Both ends of a TCP connection. */
static void
connect_pair(int listener, int ends[2])
{
	struct sockaddr_in a;
	socklen_t n = sizeof(a);

	ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (ends[0] == -1 || getsockname(listener, (void *)&a, &n) == -1 ||
	    connect(ends[0], (void *)&a, sizeof(a)) == -1)
		die("connect");
	ends[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (ends[1] == -1)
		die("accept");
}

static pid_t
run(char *argv[], int client)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid = fork();

	if (pid == -1 || null == -1)
		die("fork");
	if (pid > 0) {
		close(null);
		return pid;
	}
	for (int fd = 0; fd < 3; fd++)
		if (dup2(client == -1 ? null : client, fd) == -1)
			_exit(127);
	*started_ns = now_ns();
	execv(argv[0], argv);
	_exit(127);
}

static int
connect_to(int port)
{
	struct sockaddr_in a = address(port);
	struct timespec pause = { .tv_nsec = retry_us * 1000 };
	int64_t until = now_ns() + patience_ms * (int64_t)1000000;

	while (now_ns() < until) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd == -1)
			die("socket");
		if (connect(fd, (void *)&a, sizeof(a)) == 0)
			return fd;
		close(fd);
		nanosleep(&pause, NULL);
	}
	die("nobody listens");
}

/* The time of the greeting; what follows until the other side closes. */
static int64_t
talk(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char text[1024];
	int64_t greeted;
	ssize_t n;

	if (poll(&p, 1, patience_ms) != 1)
		die("no greeting");
	n = read(fd, text, sizeof(text) - 1);
	greeted = now_ns();
	if (n < 4 || strncmp(text, "220 ", 4) != 0) {
		text[n > 0 ? n : 0] = '\0';
		fprintf(stderr, "greet: not a greeting: %s\n", text);
		exit(1);
	}
	if (write(fd, "QUIT\r\n", 6) != 6)
		die("write");
	while (poll(&p, 1, patience_ms) == 1 &&
	    read(fd, text, sizeof(text)) > 0)
		continue;
	close(fd);
	return greeted;
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static int64_t
one_run(char *argv[], int port, int listener)
{
	int ends[2] = { -1, -1 };
	int64_t greeted;
	pid_t pid;

	if (port == 0)
		connect_pair(listener, ends);
	pid = run(argv, ends[1]);
	if (port == 0)
		close(ends[1]);
	greeted = talk(port == 0 ? ends[0] : connect_to(port));
	if (port != 0)
		kill(pid, SIGTERM);
	if (waitpid(pid, NULL, 0) != pid)
		die("waitpid");
	return greeted - *started_ns;
}

int
main(int argc, char *argv[])
{
	static int64_t took[runs_max];
	int c, runs = 20, port = 0, listener;
	struct sockaddr_in a = address(0);

	while ((c = getopt(argc, argv, "n:p:")) != -1) {
		if (c == 'n')
			runs = atoi(optarg);
		else if (c == 'p')
			port = atoi(optarg);
		else
			return 2;
	}
	if (optind >= argc || runs < 1 || runs > runs_max)
		return 2;
	started_ns = mmap(NULL, sizeof(*started_ns), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (started_ns == MAP_FAILED || listener == -1 ||
	    bind(listener, (void *)&a, sizeof(a)) == -1 ||
	    listen(listener, 16) == -1)
		die("listen");
	for (int i = 0; i < runs; i++)
		took[i] = one_run(argv + optind, port, listener);
	qsort(took, (size_t)runs, sizeof(took[0]), compare);
	printf("p50 %.2f least %.2f most %.2f runs %d\n",
	    (double)(took[(runs - 1) / 2] + took[runs / 2]) / 2e6,
	    (double)took[0] / 1e6, (double)took[runs - 1] / 1e6, runs);
	return 0;
}
