/*
 * Datagrams to the service manager.  The socket is connected before the
 * sandbox is entered, and nothing is ever waited for: a manager that does not
 * read loses what it is sent.
 */
#include "server/daemon/notify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server/daemon/inherit.h"
#include "server/session/session.h"
#include "shared/deadline.h"
#include "shared/log.h"
#include "shared/os/os.h"

enum { status_s = 10, watchdog_least_us = 20000 };

static struct {
	int		 fd;
	uint64_t	 watchdog_us;	/* 0: no watchdog */
	bool		 started;
	bool		 stopping;
} to = { .fd = -1 };

static void
tell(const char *text)
{
	if (to.fd != -1)
		(void)!send(to.fd, text, strlen(text),
		    MSG_NOSIGNAL | MSG_DONTWAIT);
}

void
notify_open(void)
{
	const char *name = getenv("NOTIFY_SOCKET");

	if (name == NULL)
		return;
	to.fd = os_connect_datagram(name);
	if (to.fd == -1)
		log_error("connect to NOTIFY_SOCKET", name, errno);
	else
		to.watchdog_us = inherit_number("WATCHDOG_USEC");
	/* As sd_watchdog_enabled(3): the number may be another process's. */
	if (getenv("WATCHDOG_PID") != NULL &&
	    inherit_number("WATCHDOG_PID") != (unsigned long)getpid())
		to.watchdog_us = 0;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

static void
tell_status(const struct master *m, const char *before)
{
	char text[160];

	snprintf(text, sizeof(text), "%sSTATUS=%llu sessions, %llu clients "
	    "wait for a worker", before,
	    (unsigned long long)m->sessions->count[SESSIONS_SERVED],
	    (unsigned long long)m->sessions->count[SESSIONS_PENDING]);
	tell(text);
}

static void
on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	tell("WATCHDOG=1");
}

int
notify_ready(struct master *m)
{
	static struct event watchdog;
	uint64_t us = to.watchdog_us / 2;
	struct timeval period;

	if (to.fd == -1)
		return 0;
	tell_status(m, "READY=1\n");
	if (to.started || to.watchdog_us == 0)
		return 0;
	to.started = true;
	if (us < watchdog_least_us)
		us = watchdog_least_us;
	period.tv_sec = (time_t)(us / 1000000);
	period.tv_usec = (suseconds_t)(us % 1000000);
	event_assign(&watchdog, m->base, -1, EV_PERSIST, on_watchdog, m);
	return event_add(&watchdog, &period);
}

void
notify_second(const struct master *m)
{
	static unsigned seconds;

	if (!to.stopping && ++seconds % status_s == 0)
		tell_status(m, "");
}

void
notify_reloading(void)
{
	char text[80];

	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
	    (long long)deadline_now_us());
	tell(text);
}

void
notify_stopping(void)
{
	if (!to.stopping)
		tell("STOPPING=1");
	to.stopping = true;
}
