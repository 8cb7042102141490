/*
 * The local syslog.  syslog(3) of Linux and FreeBSD blocks, perhaps for ever,
 * when syslogd does not read; so the datagrams are sent here.
 *
 * The master's sandbox allows connect(2) only to reconnect to syslogd: after a
 * restart it has a new socket at the old path.  FreeBSD's capability mode does
 * not allow that.
 */
#include "shared/os/os.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

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
	struct sockaddr_un addr = { .sun_family = AF_UNIX,
	    .sun_path = _PATH_LOG };
	int error;

	if (syslog_fd != -1)
		return;
	syslog_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (syslog_fd == -1 || connect(syslog_fd, (struct sockaddr *)&addr,
	    sizeof(addr)) == 0)
		return;
	error = errno;
	close(syslog_fd);
	syslog_fd = -1;
	errno = error;
}

int
os_syslog_send(const void *line, size_t n)
{
	os_syslog_open();
	for (int tries = 0; syslog_fd != -1; tries++) {
		if (send(syslog_fd, line, n, MSG_DONTWAIT | MSG_NOSIGNAL) !=
		    -1)
			return 0;
		if (errno == ENOBUFS)
			errno = EAGAIN;
		if (errno == EAGAIN || tries > 0)
			return -1;
		close(syslog_fd);
		syslog_fd = -1;
		os_syslog_open();
	}
	return -1;
}

#endif
