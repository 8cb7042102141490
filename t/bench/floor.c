/*
 * The bare durable floor: what this machine can do at most when every 250
 * follows fdatasync and a directory fsync.  A few blocking processes accept
 * on one listening socket, answer SMTP, write, fdatasync, rename, fsync the
 * directory, and do nothing else: no syntax is judged, no dot is removed, no
 * limit kept.  A measuring stick for t/bench/bench.sh, never a mail server.
 */

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
	processes_max = 1000,
	buffer_bytes = 65536,
	tail_bytes = 5
};

struct client {
	int	fd;
	size_t	len;			/* bytes in buf not yet used */
	char	buf[buffer_bytes];
};

static const char	end_of_data[] = "\r\n.\r\n";

static pid_t	child[processes_max];
static int	children;
static int	tmp_fd, new_fd;
static unsigned	messages;

static volatile sig_atomic_t	told_to_end;

static void
on_term(int sig)
{
	int	i;

	told_to_end = sig;
	for (i = 0; i < children; i++)
		(void)kill(child[i], SIGKILL);
}

static int
reply(const struct client *c, const char *text)
{
	size_t	len = strlen(text);

	return write(c->fd, text, len) == (ssize_t)len ? 0 : -1;
}

/* Appends what the client sends; -1 when it is gone or the buffer full. */
static int
fill(struct client *c)
{
	ssize_t	n;

	if (c->len == sizeof(c->buf))
		return -1;
	n = read(c->fd, c->buf + c->len, sizeof(c->buf) - c->len);
	if (n <= 0)
		return -1;
	c->len += (size_t)n;
	return 0;
}

static void
consume(struct client *c, size_t n)
{
	c->len -= n;
	memmove(c->buf, c->buf + n, c->len);
}

static int
write_all(int fd, const char *p, size_t len)
{
	ssize_t	n;

	while (len > 0) {
		n = write(fd, p, len);
		if (n == -1)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/*
 * Copies the message to fd until CRLF.CRLF.  The last four octets stay in the
 * buffer between reads, so that an end split over two segments is seen.
 */
static int
copy_data(struct client *c, int fd)
{
	char	*end;
	size_t	n;

	for (;;) {
		end = memmem(c->buf, c->len, end_of_data, tail_bytes);
		if (end != NULL) {
			n = (size_t)(end - c->buf);
			if (write_all(fd, c->buf, n + 2) == -1)
				return -1;
			consume(c, n + tail_bytes);
			return 0;
		}
		if (c->len >= tail_bytes) {
			n = c->len - (tail_bytes - 1);
			if (write_all(fd, c->buf, n) == -1)
				return -1;
			consume(c, n);
		}
		if (fill(c) == -1)
			return -1;
	}
}

static int
store(struct client *c)
{
	char	name[64];
	int	fd;

	(void)snprintf(name, sizeof(name), "%ld.%u", (long)getpid(),
	    messages++);
	fd = openat(tmp_fd, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd == -1)
		return -1;
	if (copy_data(c, fd) == -1 || fdatasync(fd) == -1) {
		(void)close(fd);
		(void)unlinkat(tmp_fd, name, 0);
		return -1;
	}
	if (close(fd) == -1 || renameat(tmp_fd, name, new_fd, name) == -1)
		return -1;
	return fsync(new_fd);
}

static int
answer(struct client *c, const char *line)
{
	if (strncasecmp(line, "DATA", 4) == 0) {
		if (reply(c, "354 go on\r\n") == -1)
			return -1;
		if (store(c) == -1) {
			(void)reply(c, "451 not stored\r\n");
			return -1;
		}
		return reply(c, "250 stored\r\n");
	}
	if (strncasecmp(line, "QUIT", 4) == 0) {
		(void)reply(c, "221 bye\r\n");
		return -1;
	}
	return reply(c, "250 ok\r\n");
}

static void
converse(struct client *c)
{
	char	line[5];
	char	*nl;

	c->len = 0;
	if (reply(c, "220 floor ESMTP\r\n") == -1)
		return;
	for (;;) {
		while ((nl = memchr(c->buf, '\n', c->len)) == NULL) {
			if (fill(c) == -1)
				return;
		}
		memset(line, 0, sizeof(line));
		memcpy(line, c->buf,
		    c->len < sizeof(line) ? c->len : sizeof(line) - 1);
		consume(c, (size_t)(nl - c->buf) + 1);
		if (answer(c, line) == -1)
			return;
	}
}

static void
serve(int listener)
{
	static struct client	c;

	for (;;) {
		c.fd = accept(listener, NULL, NULL);
		if (c.fd == -1)
			continue;
		converse(&c);
		(void)close(c.fd);
	}
}

static int
listen_on(int port)
{
	struct sockaddr_in	sin;
	socklen_t		len = sizeof(sin);
	int			fd, on = 1;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_port = htons((in_port_t)port);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd == -1)
		err(1, "socket");
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1)
		err(1, "setsockopt");
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "bind 127.0.0.1 port %d", port);
	if (listen(fd, 4096) == -1)
		err(1, "listen");
	if (getsockname(fd, (struct sockaddr *)&sin, &len) == -1)
		err(1, "getsockname");
	printf("port %d\n", ntohs(sin.sin_port));
	(void)fflush(stdout);
	return fd;
}

static int
open_below(int dir, const char *name)
{
	int	fd;

	if (mkdirat(dir, name, 0700) == -1 && errno != EEXIST)
		err(1, "mkdir %s", name);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY);
	if (fd == -1)
		err(1, "open %s", name);
	return fd;
}

static int
number(const char *text, int max)
{
	char	*end;
	long	n;

	n = strtol(text, &end, 10);
	if (*text == '\0' || *end != '\0' || n < 0 || n > max)
		errx(1, "%s: not a number from 0 to %d", text, max);
	return (int)n;
}

static void
start_children(int listener, int n)
{
	pid_t	parent = getpid();

	for (children = 0; children < n && !told_to_end; children++) {
		child[children] = fork();
		if (child[children] == -1)
			err(1, "fork");
		if (child[children] == 0) {
			(void)signal(SIGTERM, SIG_DFL);
			(void)signal(SIGINT, SIG_DFL);
			if (getppid() != parent)
				_exit(0);
			serve(listener);
		}
	}
}

int
main(int argc, char *argv[])
{
	const char	*dir = NULL;
	int		ch, dir_fd, listener, port = 0, processes = 20;

	while ((ch = getopt(argc, argv, "d:n:p:")) != -1) {
		switch (ch) {
		case 'd':
			dir = optarg;
			break;
		case 'n':
			processes = number(optarg, processes_max);
			break;
		case 'p':
			port = number(optarg, 65535);
			break;
		default:
			dir = NULL;
			optind = argc + 1;
		}
	}
	if (dir == NULL || optind != argc) {
		(void)fprintf(stderr,
		    "usage: floor -d DIR [-n PROCESSES] [-p PORT]\n");
		return 1;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
	if (dir_fd == -1)
		err(1, "%s", dir);
	tmp_fd = open_below(dir_fd, "tmp");
	new_fd = open_below(dir_fd, "new");
	listener = listen_on(port);
	(void)signal(SIGTERM, on_term);
	(void)signal(SIGINT, on_term);
	start_children(listener, processes);
	while (wait(NULL) != -1 || errno == EINTR)
		;
	return told_to_end ? 0 : 1;
}
