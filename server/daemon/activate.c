/*
 * Taking over listening sockets.  The protocol of LISTEN_FDS is that of
 * sd_listen_fds(3): descriptors from 3 on, for the process LISTEN_PID.
 */
#include "server/daemon/activate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/deadline.h"
#include "shared/log.h"

enum { first_fd = STDERR_FILENO + 1 };

/* A number of the environment, whole and positive; else 0. */
static unsigned long
number_of(const char *name)
{
	const char *text = getenv(name);
	unsigned long n;
	char *end;

	if (text == NULL || *text < '0' || *text > '9')
		return 0;
	n = strtoul(text, &end, 10);
	return *end == '\0' ? n : 0;
}

int
activate_promised(void)
{
	unsigned long n = number_of("LISTEN_FDS");

	if (number_of("LISTEN_PID") != (unsigned long)getpid())
		return 0;
	if (n > activate_max)
		fatal("LISTEN_FDS: %lu sockets, and no more than %d are "
		    "taken: give several services some each", n,
		    (int)activate_max);
	return (int)n;
}

static bool
option_is(int fd, int option, int want)
{
	socklen_t n = sizeof(int);
	int value;

	return getsockopt(fd, SOL_SOCKET, option, &value, &n) == 0 &&
	    value == want;
}

bool
activate_is_stdin(void)
{
	return option_is(STDIN_FILENO, SO_ACCEPTCONN, 1);
}

/* It listens, for streams, over IPv4 or IPv6; from now on without blocking. */
static void
check_socket(int fd, const char *what)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
	socklen_t n = sizeof(ss);
	int flags = fcntl(fd, F_GETFL);

	if (flags == -1 || fcntl(fd, F_SETFD, FD_CLOEXEC) == -1)
		fatal("%s: descriptor %d: %s", what, fd, strerror(errno));
	if (!option_is(fd, SO_ACCEPTCONN, 1) ||
	    !option_is(fd, SO_TYPE, SOCK_STREAM) ||
	    getsockname(fd, (struct sockaddr *)&ss, &n) == -1 ||
	    (ss.ss_family != AF_INET && ss.ss_family != AF_INET6))
		fatal("%s: descriptor %d is no socket that listens for TCP; "
		    "one connection each (Accept=yes, nowait) is for -i",
		    what, fd);
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1)
		fatal("%s: descriptor %d: %s", what, fd, strerror(errno));
}

/*
 * A name says which service a socket is for, by its word in /etc/services;
 * every other one is mail's from the world.
 */
static void
take_names(struct activate *out)
{
	const char *names = getenv("LISTEN_FDNAMES");
	char *copy, *rest, *name;
	int i = 0;

	if (names == NULL)
		return;
	rest = copy = strdup(names);
	if (copy == NULL)
		fatal("no memory to start with");
	for (; i < out->count && (name = strsep(&rest, ":")) != NULL; i++) {
		out->words[i].tls_first = strcmp(name, "submissions") == 0;
		out->words[i].submission = out->words[i].tls_first ||
		    strcmp(name, "submission") == 0;
	}
	free(copy);
}

static void
take_stdin(struct activate *out)
{
	int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, first_fd);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* 1 is the same socket; mode.c has seen to 2. */
	if (fd == -1 || null == -1 || dup2(null, STDIN_FILENO) == -1 ||
	    (option_is(STDOUT_FILENO, SO_ACCEPTCONN, 1) &&
	    dup2(null, STDOUT_FILENO) == -1))
		fatal("descriptor 0: %s", strerror(errno));
	close(null);
	check_socket(fd, "standard input");
	out->fds[0] = fd;
	out->count = 1;
	out->wait = true;
}

void
activate_take(struct activate *out)
{
	int promised = activate_promised();

	memset(out, 0, sizeof(*out));
	if (activate_is_stdin()) {
		take_stdin(out);
	} else if (promised > 0) {
		for (int i = 0; i < promised; i++) {
			check_socket(first_fd + i, "LISTEN_FDS");
			out->fds[i] = first_fd + i;
		}
		out->count = promised;
		take_names(out);
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

/* Once a second.  Who connects just now stays in the socket's queue. */
static void
on_second(evutil_socket_t fd, short what, void *arg)
{
	static int64_t idle_since_ms;
	struct master *m = arg;
	int64_t now = deadline_now_ms();
	struct log_line l;

	(void)fd;
	(void)what;
	if (idle_since_ms == 0 ||
	    m->sessions->count[SESSIONS_SERVED] +
	    m->sessions->count[SESSIONS_PENDING] > 0)
		idle_since_ms = now;
	if (m->stopping || now - idle_since_ms <
	    (int64_t)m->conf.limits.inetd_wait_s * 1000)
		return;
	log_begin(&l, LOG_LEVEL_INFO, "idle");
	log_u64(&l, "seconds", (uint64_t)(now - idle_since_ms) / 1000);
	log_end(&l);
	m->stopping = true;
	event_base_loopbreak(m->base);
}

int
activate_watch(struct master *m)
{
	struct timeval second = { 1, 0 };
	struct event *e = event_new(m->base, -1, EV_PERSIST, on_second, m);

	return e == NULL || event_add(e, &second) == -1 ? -1 : 0;
}
