/*
 * The client of smtpd -i: how it is reached, who it is, and what it is told
 * when there can be no session.  Nothing here reads what it says.
 */
#include "server/daemon/inetd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/log.h"
#include "shared/smtp_reply.h"

enum { refusal_ms = 1000 };

/* Whom the handler of exit(3) has still to answer. */
static int refuse_to = -1;
static const struct conf *refuse_as;

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
	/* Who does not take a line within a second is not waiting for it. */
	signal(SIGPIPE, SIG_IGN);
	if (poll(&fd, 1, refusal_ms) == 1)
		(void)!write(refuse_to, out.p, out.n);
}

/* Is 2 the client, or a connection that may be somebody's? */
static bool
is_clients(int fd)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
	socklen_t n = sizeof(ss);
	struct stat st, other;

	if (isatty(fd))
		return false;	/* a person in front of it */
	if (fstat(fd, &st) == -1)
		return true;
	for (int i = 0; i < 2; i++)
		if (fstat(i, &other) == -1 || (st.st_dev == other.st_dev &&
		    st.st_ino == other.st_ino))
			return true;
	return getsockname(fd, (struct sockaddr *)&ss, &n) == 0 &&
	    ss.ss_family != AF_UNIX;
}

static int
move(int fd)
{
	int to = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	if (to == -1)
		fatal("descriptor %d: %s", fd, strerror(errno));
	return to;
}

static void
put_null(int first, int last)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = first; fd <= last; fd++)
		if (null == -1 || dup2(null, fd) == -1) {
			/* Not fatal(), which would write to 2. */
			log_error("open", "/dev/null", errno);
			_exit(1);
		}
	close(null);
}

/* An address of the environment; false when it is none. */
static bool
parse_address(const char *ip, const char *port, struct address *out)
{
	struct sockaddr_storage ss;
	struct sockaddr_in *in = (void *)&ss;
	struct sockaddr_in6 *in6 = (void *)&ss;
	unsigned long number = 0;
	char *end;

	if (port != NULL && *port >= '0' && *port <= '9') {
		number = strtoul(port, &end, 10);
		if (*end != '\0' || number > UINT16_MAX)
			number = 0;
	}
	memset(&ss, 0, sizeof(ss));
	if (inet_pton(AF_INET, ip, &in->sin_addr) == 1) {
		ss.ss_family = AF_INET;
		in->sin_port = htons((uint16_t)number);
	} else if (inet_pton(AF_INET6, ip, &in6->sin6_addr) == 1) {
		ss.ss_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)number);
	} else
		return false;
	return address_of(&ss, out);
}

static void
address_from_environment(struct address *out)
{
	const char *ip = getenv("TCPREMOTEIP");

	if (ip == NULL)
		ip = "0.0.0.0";
	if (!parse_address(ip, getenv("TCPREMOTEPORT"), out))
		fatal("TCPREMOTEIP in the environment is no address");
}

/* True: fd is a socket that both directions go through. */
static bool
is_socket(int fd)
{
	socklen_t n = sizeof(int);
	int type, listening = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == -1) {
		if (errno == ENOTSOCK)
			return false;
		fatal("descriptor 0: %s", strerror(errno));
	}
	n = sizeof(int);
	(void)getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &n);
	if (type != SOCK_STREAM || listening)
		fatal("descriptor 0 is no connection: in inetd.conf the "
		    "service is \"stream tcp nowait\"");
	return true;
}

static void
find_client(struct inetd *i)
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);

	memset(&ss, 0, sizeof(ss));
	if (i->output != -1) {
		address_from_environment(&i->client);
		return;
	}
	if (getpeername(i->input, (struct sockaddr *)&ss, &n) == -1) {
		log_error("getpeername of descriptor 0: the client has "
		    "gone", NULL, errno);
		refuse_to = -1;
		exit(0);
	}
	if (ss.ss_family == AF_UNIX)
		address_from_environment(&i->client);
	else if (!address_of(&ss, &i->client))
		fatal("descriptor 0 is a socket of neither IPv4 nor IPv6");
}

void
inetd_take(struct inetd *out, const struct conf *conf, bool *keep_stderr)
{
	if (*keep_stderr && is_clients(STDERR_FILENO))
		*keep_stderr = false;
	if (!*keep_stderr) {
		log_open(LOG_TO_SYSLOG);
		put_null(STDERR_FILENO, STDERR_FILENO);
	}
	out->input = move(STDIN_FILENO);
	out->output = move(STDOUT_FILENO);
	put_null(STDIN_FILENO, STDOUT_FILENO);
	refuse_as = conf;
	refuse_to = out->output;
	atexit(refuse);
	if (is_socket(out->input)) {
		close(out->output);
		out->output = -1;
		refuse_to = out->input;
	}
	find_client(out);
}

void
inetd_given(void)
{
	refuse_to = -1;
}
