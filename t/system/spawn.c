/*
 * Starts smtpd as inetd, tcpserver or systemd do.
 */
#include "t/system/spawn.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/harness.h"

enum { high = 200 };	/* above every descriptor a test has */

/* Moves all of them out of the way first: one may stand on another's place. */
static void
place(const struct spawn *s)
{
	int up[3 + 8], n = 3 + s->listener_count;

	for (int i = 0; i < n; i++) {
		int fd = i < 3 ? s->fds[i] : s->listeners[i - 3];

		up[i] = fd == -1 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, high);
		if (fd != -1 && up[i] == -1)
			_exit(127);
	}
	for (int i = 0; i < n; i++) {
		close(i);
		if (up[i] != -1 && dup2(up[i], i) == -1)
			_exit(127);
	}
}

static void
set_environment(const struct spawn *s)
{
	char text[16];

	for (const char *const *e = s->env; *e != NULL; e++)
		putenv(strdup(*e));
	if (s->listener_count == 0)
		return;
	snprintf(text, sizeof(text), "%d", s->listener_count);
	setenv("LISTEN_FDS", text, 1);
	snprintf(text, sizeof(text), "%d", (int)getpid());
	setenv("LISTEN_PID", text, 0);
}

/* As a service manager makes it: capabilities, and never root again. */
static void
become(const char *user)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
	const struct passwd *pw = getpwnam(user);

	memset(sets, 0, sizeof(sets));
	sets[0].effective = sets[0].permitted = sets[0].inheritable =
	    1U << CAP_SETUID | 1U << CAP_SETGID;
	if (pw == NULL || prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == -1 ||
	    setgroups(0, NULL) == -1 || setresgid(pw->pw_gid, pw->pw_gid,
	    pw->pw_gid) == -1 || setresuid(pw->pw_uid, pw->pw_uid,
	    pw->pw_uid) == -1 || syscall(SYS_capset, &head, sets) == -1)
		_exit(126);
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SETUID, 0, 0) ==
	    -1 || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SETGID, 0,
	    0) == -1 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		_exit(125);
}

/* The program may lie where that user cannot go. */
static _Noreturn void
execute(const struct spawn *s, char *argv[])
{
	int fd = open(argv[0], O_RDONLY | O_CLOEXEC), up;

	up = fcntl(fd, F_DUPFD_CLOEXEC, high);
	place(s);
	if (s->user != NULL)
		become(s->user);
	harness_take_away(s->d->missing);
	fexecve(up, argv, environ);
	_exit(127);
}

pid_t
spawn(const struct spawn *s)
{
	char *argv[] = { strdup(harness_smtpd), strdup("-f"),
	    strdup(s->d->conf), strdup("-w"), strdup(s->d->worker),
	    s->options == NULL ? NULL : strdup(s->options), NULL };
	pid_t pid;

	fflush(stdout);
	pid = fork();
	EXPECT(pid != -1, "fork: %s", strerror(errno));
	if (pid == 0) {
		set_environment(s);
		execute(s, argv);
	}
	for (int i = 0; i < 6; i++)
		free(argv[i]);
	return pid;
}

int
spawn_wait(pid_t pid)
{
	int status = 0;

	EXPECT(WAIT(
	    waitpid(pid, &status, WNOHANG) == pid), "smtpd does not end");
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void
spawn_tcp(int ends[2], const char *from)
{
	struct sockaddr_in a = { .sin_family = AF_INET }, b = a;
	socklen_t n = sizeof(a);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
	inet_pton(AF_INET, from, &b.sin_addr);
	ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	EXPECT(listener != -1 && ends[0] != -1 &&
	    bind(listener, (void *)&a, sizeof(a)) == 0 &&
	    listen(listener, 1) == 0 &&
	    getsockname(listener, (void *)&a, &n) == 0 &&
	    bind(ends[0], (void *)&b, sizeof(b)) == 0 &&
	    connect(ends[0], (void *)&a, sizeof(a)) == 0, "connect: %s",
	    strerror(errno));
	ends[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	EXPECT(ends[1] != -1, "accept: %s", strerror(errno));
	close(listener);
}

int
spawn_listener(const char *address, int *port)
{
	struct sockaddr_storage ss;
	struct sockaddr_in *in = (void *)&ss;
	struct sockaddr_in6 *in6 = (void *)&ss;
	socklen_t n = sizeof(ss);
	int fd;

	memset(&ss, 0, sizeof(ss));
	ss.ss_family = strchr(address, ':') ? AF_INET6 : AF_INET;
	EXPECT(inet_pton(ss.ss_family, address, ss.ss_family == AF_INET ?
	    (void *)&in->sin_addr : (void *)&in6->sin6_addr) == 1, "%s",
	    address);
	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	EXPECT(fd != -1 && bind(fd, (void *)&ss, n) == 0 &&
	    listen(fd, 100) == 0 && getsockname(fd, (void *)&ss, &n) == 0,
	    "%s: %s", address, strerror(errno));
	*port = ntohs(ss.ss_family == AF_INET ? in->sin_port :
	    in6->sin6_port);
	return fd;
}

pid_t
spawn_inetd(const struct daemon *d, struct client *c)
{
	int ends[2], log = open(d->log, O_WRONLY | O_CREAT | O_APPEND |
	    O_CLOEXEC, 0644);
	struct spawn s = { .d = d, .options = "-id" };
	pid_t pid;

	EXPECT(log != -1, "%s: %s", d->log, strerror(errno));
	spawn_tcp(ends, "127.0.0.1");
	s.fds[0] = s.fds[1] = ends[1];
	s.fds[2] = log;
	pid = spawn(&s);
	close(ends[1]);
	close(log);
	memset(c, 0, sizeof(*c));
	c->fd = ends[0];
	return pid;
}

char *
spawn_read_all(int fd, char *out, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t n = 0;
	ssize_t k = 1;

	while (k > 0 && n + 1 < size && poll(&p, 1, harness_patience_ms) == 1) {
		k = read(fd, out + n, size - 1 - n);
		n += k > 0 ? (size_t)k : 0;
	}
	out[n] = '\0';
	EXPECT(k <= 0, "no end of what is read: %s", out);
	close(fd);
	return out;
}
