/*
 * Shutting down.  SIGTERM or SIGINT: no client is accepted, those that wait are
 * turned away, sessions end with 421 at their next command, a message under way
 * is finished; all within stop_patience_s.  A second one: at once.  SIGHUP: the
 * configuration is read again.  The children ignore them all (start.c).
 */
#include "server/daemon/signals.h"

#include <signal.h>

#include "server/daemon/notify.h"
#include "server/daemon/reload.h"
#include "server/process/pool.h"
#include "server/session/admit.h"
#include "server/session/listen.h"
#include "shared/log.h"

enum { stop_patience_s = 20, look_pause_us = 10 * 1000 };

static uint64_t
count_busy(const struct master *m)
{
	struct pool_count c;

	pool_count(m, &c);
	return c.busy;
}

/* Ends the loop when no worker is busy any more, which no event reports. */
static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;

	(void)fd;
	(void)what;
	if (count_busy(m) == 0)
		event_base_loopbreak(m->base);
}

void
signals_stop(struct master *m)
{
	const struct timeval patience = { stop_patience_s, 0 };
	const struct timeval soon = { 0, look_pause_us };
	uint64_t busy;
	struct event *look;
	struct log_line l;

	if (m->stopping)
		return;
	m->stopping = true;
	notify_stopping();
	listen_stop(m);
	admit_stop(m);
	pool_drain(m);
	busy = count_busy(m);
	if (busy > 0) {
		log_begin(&l, LOG_LEVEL_INFO, "stopping");
		log_u64(&l, "sessions", busy);
		log_u64(&l, "at_most_s", stop_patience_s);
		log_end(&l);
	}
	event_base_loopexit(m->base, &patience);
	look = event_new(m->base, -1, EV_PERSIST, on_look, m);
	if (look == NULL || event_add(look, &soon) == -1)
		event_base_loopbreak(m->base);
	on_look(-1, 0, m);
}

static void
on_stop(evutil_socket_t sig, short what, void *arg)
{
	struct master *m = arg;

	(void)sig;
	(void)what;
	if (m->stopping)
		event_base_loopbreak(m->base);
	signals_stop(m);
}

/* A catcher has no configuration file; its terminal has just closed. */
static void
on_hangup(evutil_socket_t sig, short what, void *arg)
{
	struct master *m = arg;

	if (m->conf.catcher)
		on_stop(sig, what, arg);
	else
		reload(m);
}

int
signals_init(struct master *m)
{
	static const struct {
		int			number;
		event_callback_fn	call;
	} signals[] = {
		{ SIGTERM, on_stop }, { SIGINT, on_stop },
		{ SIGHUP, on_hangup }
	};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		struct sigaction was;
		struct event *e;

		/* Under nohup(1) the terminal of a catcher may close. */
		if (m->conf.catcher && signals[i].number == SIGHUP &&
		    sigaction(SIGHUP, NULL, &was) == 0 &&
		    was.sa_handler == SIG_IGN)
			continue;
		e = evsignal_new(m->base, signals[i].number, signals[i].call,
		    m);
		if (e == NULL || event_add(e, NULL) == -1)
			return -1;
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	/* Nobody waits for our children: a dead one leaves no zombie. */
	signal(SIGCHLD, SIG_IGN);
	return 0;
}
