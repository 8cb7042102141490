/* The lines of one turn of the loop are written together: they are many. */
#include "server/daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/log/log_message.h"
#include "server/mail/queue.h"
#include "server/process/helper.h"
#include "server/process/pool.h"
#include "server/session/listen.h"
#include "server/session/session.h"
#include "shared/deadline.h"
#include "shared/log.h"
#include "shared/os/os.h"

enum {
	stop_patience_s = 20,
	dot_patience_s = 60,		/* for the reply to a final dot */
	look_pause_us = 10 * 1000,
	status_s = 10,
	watchdog_least_us = 20000
};

/* ---- the service manager ------------------------------------------------- */

/* Nothing is waited for: a manager that does not read loses what is sent. */
static struct {
	int		 fd;
	uint64_t	 watchdog_us;	/* 0: no watchdog */
} manager = { .fd = -1 };

static void
notify(const char *text)
{
	if (manager.fd != -1)
		(void)!send(manager.fd, text, strlen(text),
		    MSG_NOSIGNAL | MSG_DONTWAIT);
}

void
loop_notify_open(void)
{
	const char *name = getenv("NOTIFY_SOCKET");

	if (name == NULL)
		return;
	manager.fd = os_connect_datagram(name);
	if (manager.fd == -1)
		log_error("connect to NOTIFY_SOCKET", name, errno);
	else
		manager.watchdog_us = inherit_number("WATCHDOG_USEC");
	/* As sd_watchdog_enabled(3): the number may be another process's. */
	if (getenv("WATCHDOG_PID") != NULL &&
	    inherit_number("WATCHDOG_PID") != (unsigned long)getpid())
		manager.watchdog_us = 0;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

static void
report(const struct master *m, const char *before)
{
	const uint64_t *count = m->sessions->count;
	char text[160];

	snprintf(text, sizeof(text), "%sSTATUS=%" PRIu64 " sessions, %" PRIu64
	    " clients wait for a worker", before, count[SESSIONS_SERVED],
	    count[SESSIONS_PENDING]);
	notify(text);
}

static void
on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	notify("WATCHDOG=1");
}

int
loop_notify_ready(struct master *m)
{
	static struct event watchdog;
	const uint64_t half = manager.watchdog_us / 2,
	    us = half < watchdog_least_us ? watchdog_least_us : half;

	if (manager.fd == -1)
		return 0;
	report(m, "READY=1\n");
	if (event_initialized(&watchdog) || manager.watchdog_us == 0)
		return 0;
	event_assign(&watchdog, m->base, -1, EV_PERSIST, on_watchdog, m);
	return event_add(&watchdog, &(struct timeval){
	    (time_t)(us / 1000000), (suseconds_t)(us % 1000000) });
}

void
loop_notify_reloading(void)
{
	char text[80];

	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
	    (long long)deadline_now_us());
	notify(text);
}

/* ---- the end ------------------------------------------------------------ */

static int64_t stopped_ms;

/* Ends the loop when no worker is busy: a dot without reply is sent again. */
static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;

	if (pool_count(m)[POOL_BUSY] == 0 || (schedule_drain(m) &&
	    deadline_now_ms() - stopped_ms >= stop_patience_s * 1000))
		event_base_loopbreak(m->base);
}

void
loop_stop(struct master *m)
{
	static struct event look;
	uint64_t busy;

	if (m->stopping)
		return;
	m->stopping = true;
	stopped_ms = deadline_now_ms();
	notify("STOPPING=1");
	listen_stop(m);
	admit_stop(m);
	(void)schedule_drain(m);
	pool_drain(m);
	busy = pool_count(m)[POOL_BUSY];
	if (busy > 0)
		log_put(LOG_LEVEL_INFO, "stopping", "sessions=%zu "
		    "at_most_s=%zu", (size_t)busy, (size_t)stop_patience_s);
	event_base_loopexit(m->base, &(struct timeval){ dot_patience_s, 0 });
	event_assign(&look, m->base, -1, EV_PERSIST, on_look, m);
	if (event_add(&look, &(struct timeval){ 0, look_pause_us }) == -1)
		event_base_loopbreak(m->base);
	on_look(-1, 0, m);
}

/* ---- the log ------------------------------------------------------------ */

/* After the events of a turn; and again while a reader takes no lines. */
static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	if (!log_flush())
		event_add(arg, &(struct timeval){ 0, 50 * 1000 });
}

/* After all events that are active now: they may add more lines. */
static void
wake(void *arg)
{
	event_active(arg, EV_TIMEOUT, 0);
}

static void
rotate(struct master *m)
{
	char name[log_message_name_bytes];
	bool rotated;

	logger_reopen(m);
	rotated = log_message_rotate(m->log, name) == 0;
	if (!rotated)
		log_error("the message log cannot be rotated, and goes on in "
		    "the file it has", "log/message", errno);
	log_put(LOG_LEVEL_INFO, "reopen", "why=%s message_log=%s", "SIGUSR1",
	    rotated ? name : "");
}

static void
on_synced(void *arg, int error, size_t failed)
{
	close(*(int *)arg);
	*(int *)arg = -1;
	if (error != 0)
		log_error("fdatasync", "log/message", error);
}

/* The sync has its own descriptor, as the log may be rotated meanwhile. */
static void
begin_sync(struct master *m)
{
	static int copy = -1;
	static struct disk_job job = { .fds = &copy, .count = 1, .data = true,
	    .done = on_synced, .arg = &copy };

	if (copy != -1 || !m->log->unsynced)
		return;
	copy = fcntl(m->log->fd, F_DUPFD_CLOEXEC, 3);
	if (copy == -1)
		return;
	m->log->unsynced = false;
	disk_sync(m, &job);
}

void
loop_end(struct master *m)
{
	if (log_message_sync(m->log) == -1)
		log_error("fdatasync", "log/message", errno);
	log_gather(NULL, NULL);
}

/* ---- events ------------------------------------------------------------- */

/* A client that connects now stays in the socket's queue. */
static void
end_if_idle(struct master *m)
{
	static int64_t idle_since_ms;
	int64_t now = deadline_now_ms();

	if (idle_since_ms == 0 ||
	    m->sessions->count[SESSIONS_SERVED] +
	    m->sessions->count[SESSIONS_PENDING] > 0)
		idle_since_ms = now;
	if (m->stopping || now - idle_since_ms <
	    (int64_t)m->conf.limits.inetd_wait_s * 1000)
		return;
	log_put(LOG_LEVEL_INFO, "idle", "seconds=%zu",
	    (size_t)(now - idle_since_ms) / 1000);
	loop_stop(m);
}

static void
on_second(evutil_socket_t fd, short what, void *arg)
{
	static unsigned seconds;
	struct master *m = arg;

	begin_sync(m);
	if (!m->stopping && ++seconds % status_s == 0)
		report(m, "");
	if (m->ends_idle)
		end_if_idle(m);
}

/* A catcher has no configuration file; its terminal has just closed. */
static void
on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct master *m = arg;

	if (sig == SIGUSR1)
		rotate(m);
	else if (sig == SIGHUP && !m->conf.catcher)
		reload(m);
	else if (m->stopping)
		event_base_loopbreak(m->base);
	else
		loop_stop(m);
}

int
loop_start(struct master *m)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };
	static struct event events[sizeof(signals) / sizeof(signals[0])];
	static struct event turn, second;
	struct sigaction was;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		/* Under nohup(1) the terminal of a catcher may close. */
		if (m->conf.catcher && signals[i] == SIGHUP &&
		    sigaction(SIGHUP, NULL, &was) == 0 &&
		    was.sa_handler == SIG_IGN)
			continue;
		evsignal_assign(&events[i], m->base, signals[i], on_signal, m);
		if (event_add(&events[i], NULL) == -1)
			return -1;
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	/* Nobody waits for our children: a dead one leaves no zombie. */
	signal(SIGCHLD, SIG_IGN);
	event_assign(&turn, m->base, -1, 0, on_turn, &turn);
	log_gather(wake, &turn);
	event_assign(&second, m->base, -1, EV_PERSIST, on_second, m);
	return event_add(&second, &(struct timeval){ 1, 0 });
}
