/*
 * The log from start to end.  The lines of one turn of the loop are written
 * together: a session has three or more, and a busy master would write each
 * alone.
 */
#include "server/daemon/log_setup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "server/log/log_file.h"
#include "server/log/log_message.h"
#include "server/process/disk.h"
#include "server/process/logger.h"
#include "shared/log.h"

void
log_setup_target(struct conf *conf, bool foreground, bool verbose)
{
	if (foreground && verbose) {
		conf->log = CONF_LOG_STDERR;
		conf->log_forced = true;
	}
	if (conf->log == CONF_LOG_STDERR && !foreground)
		fatal("\"log to stderr\" needs -d: in the background there "
		    "is no standard error");
	log_open(conf->log == CONF_LOG_STDERR ||
	    (conf->log == CONF_LOG_DEFAULT && foreground) ? LOG_TO_STDERR :
	    conf->log == CONF_LOG_FILE ? LOG_TO_NOBODY : LOG_TO_SYSLOG);
}

void
log_setup_open(const struct conf *conf, const struct identity *owner)
{
	const char *why;

	if (conf->log != CONF_LOG_FILE)
		return;
	if (log_file_open(conf->log_path, owner, &why) == -1)
		fatal("log to %s: %s", conf->log_path, why);
}

void
log_setup_prove(const struct conf *conf)
{
	if (log_file_reopen() == -1)
		fatal("log to %s: it could not be opened again after a "
		    "rotation: %s: give the file, or a directory of its own, "
		    "to the user that owns the mail", conf->log_path,
		    strerror(errno));
}

/* After the events of a turn; and again while a reader takes no lines. */
static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval soon = { 0, 50 * 1000 };

	(void)fd;
	(void)what;
	if (!log_flush())
		evtimer_add(*(struct event **)arg, &soon);
}

/* After all events that are active now: they may add more lines. */
static void
wake(void *arg)
{
	event_active(arg, EV_TIMEOUT, 0);
}

static void
on_rotate(evutil_socket_t sig, short what, void *arg)
{
	char name[log_message_name_bytes];
	struct master *m = arg;
	struct log_line l;

	(void)sig;
	(void)what;
	log_reopen();
	logger_reopen(m);
	if (log_message_rotate(m->log, name) == -1) {
		log_error("the message log cannot be rotated, and goes on in "
		    "the file it has", "log/message", errno);
		name[0] = '\0';
	}
	log_begin(&l, LOG_LEVEL_INFO, "reopen");
	log_str(&l, "why", "SIGUSR1");
	if (name[0] != '\0')
		log_str(&l, "message_log", name);
	log_end(&l);
}

static void
sync_message_log(struct master *m)
{
	if (log_message_sync(m->log) == -1)
		log_error("fdatasync", "log/message", errno);
}

static void
on_synced(void *arg, int error, size_t failed)
{
	(void)failed;
	close(*(int *)arg);
	*(int *)arg = -1;
	if (error != 0)
		log_error("fdatasync", "log/message", error);
}

/* The sync has its own descriptor, as the log may be rotated meanwhile. */
static void
on_second(evutil_socket_t fd, short what, void *arg)
{
	static int copy = -1;
	static struct disk_job job = { .fds = &copy, .count = 1, .data = true,
	    .done = on_synced, .arg = &copy };
	struct master *m = arg;

	(void)fd;
	(void)what;
	if (copy != -1 || !m->log->unsynced)
		return;
	copy = fcntl(m->log->fd, F_DUPFD_CLOEXEC, 3);
	if (copy == -1) {
		sync_message_log(m);
		return;
	}
	m->log->unsynced = false;
	disk_sync(m, &job);
}

void
log_setup_end(struct master *m)
{
	sync_message_log(m);
	log_gather(NULL, NULL);
}

int
log_setup_events(struct master *m)
{
	static struct event *turn;
	struct event *rotate = evsignal_new(m->base, SIGUSR1, on_rotate, m);
	struct event *tick = event_new(m->base, -1, EV_PERSIST, on_second, m);
	struct timeval second = { 1, 0 };

	turn = event_new(m->base, -1, 0, on_turn, &turn);
	if (turn == NULL || rotate == NULL || tick == NULL ||
	    event_add(rotate, NULL) == -1 || event_add(tick, &second) == -1)
		return -1;
	log_gather(wake, turn);
	return 0;
}
