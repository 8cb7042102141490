/*
 * Local datagrams.  syslog(3) of Linux and FreeBSD blocks, perhaps for ever,
 * when syslogd does not read; so the datagrams are sent here.
 *
 * The master's sandbox allows connect(2) only to reconnect to syslogd: after a
 * restart it has a new socket at the old path.  FreeBSD's capability mode does
 * not allow that.
 */
#include "shared/os/os.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

int
os_connect_datagram(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t n = strlen(name);
	int fd, error;

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
	error = errno;
	close(fd);
	errno = error;
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
