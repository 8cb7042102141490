/*
 * What several systems have, each in its way: files and children of a process
 * in its sandbox; a program that executes itself again by a descriptor, as its
 * path may lead through a private home (OpenBSD executes by path only); local
 * datagrams.  FreeBSD's capability mode (capsicum(4)) opens files only relative
 * to a directory's descriptor, and knows children only by theirs.
 */
#include "shared/os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#ifdef __FreeBSD__
#include <sys/event.h>
#include <sys/procdesc.h>
#endif
#include <syslog.h>
#include <unistd.h>

#include "shared/buf.h"
#include "shared/file.h"

#ifndef __linux__

const int os_record_end = MSG_EOR;
const int os_send_last = 0;

#endif

#ifdef __FreeBSD__

static struct directory {
	char	*path;
	int	 fd;
} *kept;
static size_t kept_count;

static int
find(const char *dir, size_t n)
{
	for (size_t i = 0; i < kept_count; i++)
		if (strncmp(kept[i].path, dir, n) == 0 &&
		    kept[i].path[n] == '\0')
			return kept[i].fd;
	return -1;
}

int
os_keep_directory(const char *dir)
{
	struct directory d = { strdup(dir), open(dir, O_RDONLY | O_DIRECTORY |
	    O_CLOEXEC) };

	return d.path == NULL || d.fd == -1 ||
	    array_add(&kept, &kept_count, &d, sizeof(d)) == NULL ? -1 : 0;
}

int
os_open_file(const char *path, int flags)
{
	const char *slash = strrchr(path, '/');
	int dir = slash == NULL ? find(".", 1) :
	    find(path, slash == path ? 1 : (size_t)(slash - path));

	if (dir == -1)
		return open(path, flags);
	return openat(dir, slash == NULL ? path : slash + 1, flags);
}

#endif

/* ---- children ----------------------------------------------------------- */

#ifdef __FreeBSD__

static int children = -1;	/* kqueue(2) */

static void
watch_child(int fd)
{
	struct kevent add;

	EV_SET(&add, (uintptr_t)fd, EVFILT_PROCDESC, EV_ADD, NOTE_EXIT, 0,
	    NULL);
	(void)kevent(children, &add, 1, NULL, 0, NULL);
}

/* Finds children of the image that executed this one; not so other files. */
int
os_watch_children(void)
{
	children = kqueue();
	(void)fcntl(children, F_SETFD, FD_CLOEXEC);
	for (int fd = getdtablesize() - 1; fd >= 0; fd--)
		watch_child(fd);
	return children;
}

/* A child outlives this process, as elsewhere (PD_DAEMON). */
pid_t
os_fork(void)
{
	int fd;
	pid_t pid = pdfork(&fd, PD_DAEMON);

	if (pid > 0)
		watch_child(fd);
	return pid;
}

/* Nothing waits: the close removes what is left of the process. */
pid_t
os_reap(int *status)
{
	const struct timespec at_once = { 0, 0 };
	struct kevent ended;
	pid_t pid = 0;

	if (kevent(children, NULL, 0, &ended, 1, &at_once) != 1)
		return 0;
	*status = (int)ended.data;
	(void)pdgetpid((int)ended.ident, &pid);
	close((int)ended.ident);
	return pid;
}

void
os_kill_child(pid_t pid)
{
	pid_t other;

	for (int fd = getdtablesize() - 1; fd >= 0; fd--)
		if (pdgetpid(fd, &other) == 0 && other == pid)
			(void)pdkill(fd, SIGKILL);
}

#else

/* An ended child keeps its pid until it is waited for. */
void
os_kill_child(pid_t pid)
{
	siginfo_t ended;

	if (waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT) ==
	    0)
		kill(pid, SIGKILL);
}

#endif

#if !defined(O_EXEC) && defined(O_PATH)
#define O_EXEC	O_PATH
#elif !defined(O_EXEC)
#define O_EXEC	O_RDONLY	/* OpenBSD */
#endif

/* Not close-on-exec: the executed program executes itself again. */
int
os_keep_program(const char *program, int fd)
{
	int opened = open(program, O_EXEC), result;

	if (opened == -1 || opened == fd)
		return opened == -1 ? -1 : 0;
	result = dup2(opened, fd);
	close(opened);
	return result == -1 ? -1 : 0;
}

/* glibc is told to do without rseq(2), which costs at each switch. */
int
os_execute(const char *program, int fd, char *const argv[])
{
	char *envp[] = { (char[]){ "GLIBC_TUNABLES=glibc.pthread.rseq=0" },
	    NULL };

#ifdef __OpenBSD__
	return execve(program, argv, envp);
#else
	return fexecve(fd, argv, envp);
#endif
}

/* ---- local datagrams ---------------------------------------------------- */

int
os_connect_datagram(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t n = strlen(name);
	int fd;

	errno = EINVAL;
	if ((name[0] != '/' && name[0] != '@') || name[1] == '\0' ||
	    n >= sizeof(a.sun_path))
		return -1;
	/* An abstract name has a NUL in front, and none at its end. */
	memcpy(a.sun_path, name, n);
	if (name[0] == '@')
		a.sun_path[0] = '\0';
	n += offsetof(struct sockaddr_un, sun_path) + (name[0] == '/');
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1 || connect(fd, (struct sockaddr *)&a, (socklen_t)n) == 0)
		return fd;
	file_close(fd);
	return -1;
}

#if defined(__OpenBSD__)

void
os_syslog_open(void)
{
}

/* The kernel keeps lines that syslogd does not take, or counts them. */
int
os_syslog_send(const void *line, size_t n)
{
	return sendsyslog(line, n, 0);
}

#else

/*
 * syslog(3) of Linux and FreeBSD blocks, perhaps for ever, when syslogd does
 * not read.  A syslogd that restarts has a new socket, to which the master may
 * connect, but not in FreeBSD's capability mode.
 */
static int syslog_fd = -1;

void
os_syslog_open(void)
{
	if (syslog_fd == -1)
		syslog_fd = os_connect_datagram(_PATH_LOG);
}

int
os_syslog_send(const void *line, size_t n)
{
	for (int tries = 0; tries < 2; tries++) {
		os_syslog_open();
		if (syslog_fd == -1)
			return -1;
		if (send(syslog_fd, line, n, MSG_DONTWAIT | MSG_NOSIGNAL) !=
		    -1)
			return 0;
		if (errno == ENOBUFS || errno == EAGAIN) {
			errno = EAGAIN;
			return -1;
		}
		close(syslog_fd);
		syslog_fd = -1;
	}
	return -1;
}

#endif
