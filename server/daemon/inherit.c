/* Descriptors as of sd_listen_fds(3) or inetd; no octet of a client is read. */
#include "server/daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/log.h"

enum { first_fd = STDERR_FILENO + 1, refusal_ms = 1000 };

/* The client that the handler of exit(3) has to answer; or -1. */
static int refuse_to = -1;
static const struct conf *refuse_as;

static bool
is_same(int fd, int other)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && fstat(other, &b) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static bool
is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

bool
inherit_guard(void)
{
	/* 2 may be a socket of systemd's journal, if it is not that of 0. */
	bool fine = !is_socket(STDERR_FILENO) ||
	    !is_same(STDERR_FILENO, STDIN_FILENO);
	int null;

	do
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (null != -1 && null <= STDERR_FILENO);
	if (!fine && (null == -1 || dup2(null, STDERR_FILENO) == -1))
		_exit(1);
	close(null);
	return fine;
}

unsigned long
inherit_number(const char *name)
{
	const char *text = getenv(name);
	unsigned long n;
	char *end;

	if (text == NULL || *text < '0' || *text > '9')
		return 0;
	n = strtoul(text, &end, 10);
	return *end == '\0' ? n : 0;
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
inherit_stdin_listens(void)
{
	return option_is(STDIN_FILENO, SO_ACCEPTCONN, 1);
}

static void
put_null(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null == -1 || dup2(null, fd) == -1) {
		/* Not fatal(), which would write to 2. */
		log_error("open", "/dev/null", errno);
		_exit(1);
	}
	close(null);
}

/* Moves a standard descriptor above 2, and puts /dev/null in its place. */
static int
move(int fd)
{
	int to = fcntl(fd, F_DUPFD_CLOEXEC, first_fd);

	if (to == -1)
		fatal("descriptor %d: %s", fd, strerror(errno));
	put_null(fd);
	return to;
}

/* ---- listening sockets ------------------------------------------------- */

int
inherit_promised(void)
{
	unsigned long n = inherit_number("LISTEN_FDS");

	if (inherit_number("LISTEN_PID") != (unsigned long)getpid())
		return 0;
	if (n > inherit_sockets_max)
		fatal("LISTEN_FDS: %lu sockets, and no more than %d are "
		    "taken: give several services some each", n,
		    (int)inherit_sockets_max);
	return (int)n;
}

/* Fatal unless fd listens for TCP over IPv4 or IPv6; makes it nonblocking. */
static void
check_socket(int fd, const char *what)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
	socklen_t n = sizeof(ss);
	int flags = fcntl(fd, F_GETFL);

	if (flags == -1 || fcntl(fd, F_SETFD, FD_CLOEXEC) == -1 ||
	    fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1)
		fatal("%s: descriptor %d: %s", what, fd, strerror(errno));
	if (!option_is(fd, SO_ACCEPTCONN, 1) ||
	    !option_is(fd, SO_TYPE, SOCK_STREAM) ||
	    getsockname(fd, (struct sockaddr *)&ss, &n) == -1 ||
	    (ss.ss_family != AF_INET && ss.ss_family != AF_INET6))
		fatal("%s: descriptor %d is no socket that listens for TCP; "
		    "one connection each (Accept=yes, nowait) is for -i",
		    what, fd);
}

/* Names as in /etc/services; any other is for mail from other servers. */
static void
take_names(struct inherit_sockets *out)
{
	const char *names = getenv("LISTEN_FDNAMES");
	struct span rest = span_of(names == NULL ? "" : names), name;

	for (int i = 0; i < out->count; i++) {
		name = span_cut(&rest, ':');
		out->words[i] = span_equal(name, span_of("submissions")) ?
		    LISTEN_SUBMISSION | LISTEN_TLS_FIRST :
		    span_equal(name, span_of("submission")) ?
		    LISTEN_SUBMISSION : 0;
	}
}

void
inherit_take_sockets(struct inherit_sockets *out)
{
	memset(out, 0, sizeof(*out));
	if (inherit_stdin_listens()) {
		out->count = 1;
		out->wait = true;
		out->fds[0] = move(STDIN_FILENO);
		check_socket(out->fds[0], "standard input");
		/* inherit_guard has replaced 2. */
		if (is_same(STDOUT_FILENO, out->fds[0]))
			put_null(STDOUT_FILENO);
	} else {
		out->count = inherit_promised();
		for (int i = 0; i < out->count; i++) {
			out->fds[i] = first_fd + i;
			check_socket(out->fds[i], "LISTEN_FDS");
		}
		take_names(out);
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

/* ---- one client --------------------------------------------------------- */

static void
refuse(void)
{
	uint8_t storage[smtp_reply_max_bytes];
	struct buf out = buf_over(storage, sizeof(storage));
	struct pollfd fd = { .fd = refuse_to, .events = POLLOUT };
	const char *name = refuse_as == NULL || refuse_as->hostname == NULL ?
	    "localhost" : refuse_as->hostname;

	if (refuse_to == -1)
		return;
	smtp_reply_write(REPLY_TROUBLE_CLOSE, span_of(name), span_of(""),
	    &out);
	/* A client that takes no line within a second waits for none. */
	signal(SIGPIPE, SIG_IGN);
	if (poll(&fd, 1, refusal_ms) == 1)
		(void)!write(refuse_to, out.p, out.n);
}

static void
find_client(struct inherit_client *c)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNIX };
	const char *ip = getenv("TCPREMOTEIP");
	unsigned long port = inherit_number("TCPREMOTEPORT");
	socklen_t n = sizeof(ss);
	struct ip address;

	if (c->output == -1 &&
	    getpeername(c->input, (struct sockaddr *)&ss, &n) == -1) {
		log_error("getpeername of descriptor 0: the client has "
		    "gone", NULL, errno);
		refuse_to = -1;
		exit(0);
	}
	if (ss.ss_family != AF_UNIX) {
		if (!address_of(&ss, &c->client))
			fatal("descriptor 0 is a socket of neither IPv4 nor "
			    "IPv6");
		return;
	}
	if (!ip_parse(span_of(ip == NULL ? "0.0.0.0" : ip), &address))
		fatal("TCPREMOTEIP in the environment is no address");
	address = ip_from(address.ipv6, address.ip);
	address_of_ip(&address, port > UINT16_MAX ? 0 : (uint16_t)port,
	    &c->client);
}

void
inherit_take_client(struct inherit_client *out, const struct conf *conf,
    bool *keep_stderr)
{
	/* At a terminal a person reads it. */
	*keep_stderr = *keep_stderr && (isatty(STDERR_FILENO) ||
	    (!is_same(STDERR_FILENO, STDIN_FILENO) &&
	    !is_same(STDERR_FILENO, STDOUT_FILENO)));
	if (!*keep_stderr) {
		log_open(LOG_TO_SYSLOG);
		put_null(STDERR_FILENO);
	}
	out->input = move(STDIN_FILENO);
	out->output = move(STDOUT_FILENO);
	refuse_as = conf;
	refuse_to = out->output;
	atexit(refuse);
	if (is_socket(out->input)) {
		if (!option_is(out->input, SO_TYPE, SOCK_STREAM) ||
		    option_is(out->input, SO_ACCEPTCONN, 1))
			fatal("descriptor 0 is no connection: in inetd.conf "
			    "the service is \"stream tcp nowait\"");
		close(out->output);
		out->output = -1;
		refuse_to = out->input;
	}
	find_client(out);
}

void
inherit_given(void)
{
	refuse_to = -1;
}
