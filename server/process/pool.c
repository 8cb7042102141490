/*
 * Workers: asked for ahead of need, given to clients, let go.  What the
 * nurseries do is in nursery.c of this folder; which client gets in is not
 * decided here.
 */
#include "server/process/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/process/nursery.h"
#include "server/process/pool_worker.h"
#include "server/process/signer.h"
#include "server/session/admit.h"
#include "server/session/login.h"
#include "server/session/session.h"
#include "shared/deadline.h"
#include "shared/ipc.h"
#include "shared/log.h"

enum {
	spare_min = 4,
	spare_max = 128,
	spawn_batch_max = 32,
	stop_idle_timeout_s = 5,
	room_pause_us = 50 * 1000	/* to look for the greediest costs */
};

/*
 * Asks the nursery for what is missing, in batches rather than one by one;
 * never for more at a time than may be under way on its channel.
 */
void
pool_ask(struct master *m)
{
	struct pool *p = &m->pool;
	uint64_t have = p->idle_count + p->coming;
	uint64_t want = p->pending_count + p->spare;
	uint64_t all = have + p->busy_count + p->leaving_count, room;
	uint64_t max = m->conf.limits.workers;
	struct ipc_record r = { .type = IPC_SPAWN };

	if (p->active == NULL || m->stopping || have >= want)
		return;
	if (have > p->pending_count + p->spare / 2)
		return;
	if (deadline_now_ms() < p->no_spawn_until_ms)
		return;
	room = all < max ? max - all : 0;
	want -= have;
	if (want > room)
		want = room;
	if (p->coming >= spawn_batch_max)
		return;
	if (want > spawn_batch_max - p->coming)
		want = spawn_batch_max - p->coming;
	if (want == 0)
		return;
	r.u.spawn.count = (uint32_t)want;
	if (nursery_ask(p->active, &r) == 0)
		p->coming += want;
}

/* Hands s to w, which waits for one.  0; or -1, errno, nothing changed. */
static int
give(struct worker *w, struct session *s)
{
	struct master *m = w->master;
	struct pool *p = &m->pool;
	struct ipc_record r = { .type = IPC_SESSION };

	r.u.session.idle_timeout_s = session_idle_timeout_s(m);
	r.u.session.room = spool_has_room(&m->spool, &m->conf.limits, 0);
	s->auth = m->conf.catcher ? IPC_AUTH_ALWAYS :
	    s->submission ? IPC_AUTH_SUBMISSION : IPC_AUTH_NOT;
	r.u.session.auth = s->auth;
	r.u.session.tls_first = s->tls_first;
	r.u.session.proxied = s->header_due;
	r.u.session.lacks = helper_is_lacking(m, HELPER_SIGN) ?
	    IPC_LACKS_TLS : 0;
	if (helper_is_lacking(m, HELPER_AUTH))
		r.u.session.lacks |= IPC_LACKS_AUTH;
	if ((s->output != -1 && ipc_send_empty(w->channel, IPC_OUTPUT,
	    s->output, false) == -1) || ipc_send(w->channel, &r, s->socket,
	    false) == -1)
		return -1;
	TAILQ_REMOVE(&p->pending, s, entry);
	p->pending_count--;
	session_close(s);
	s->served = true;
	s->epoch = conf_epoch_enter(m->epoch);
	address_serve(s->host, true);
	TAILQ_REMOVE(&p->idle, w, entry);
	p->idle_count--;
	TAILQ_INSERT_TAIL(&p->busy, w, entry);
	p->busy_count++;
	w->session = s;
	w->when = s->header_due ? IPC_AT_PROXY : IPC_AT_SESSION;
	p->unused_losses = 0;
	return 0;
}

/* A client is not lost with the worker it was meant for: the next one. */
void
pool_serve(struct master *m)
{
	struct pool *p = &m->pool;
	struct session *s;
	struct worker *w;

	while ((w = TAILQ_FIRST(&p->idle)) != NULL &&
	    (s = admit_next(m)) != NULL) {
		if (give(w, s) == 0)
			continue;
		/* No room for a descriptor now: again at the next tick. */
		if (errno == ETOOMANYREFS || errno == ENOBUFS ||
		    errno == ENOMEM || errno == EAGAIN)
			break;
		pool_lost(w, "worker gone before its session");
	}
}

void
pool_assign(struct master *m, struct session *s)
{
	const struct timeval soon = { 0, room_pause_us };
	struct pool *p = &m->pool;

	TAILQ_INSERT_TAIL(&p->pending, s, entry);
	p->pending_count++;
	if (TAILQ_EMPTY(&p->idle))
		p->starved = true;
	pool_serve(m);
	pool_ask(m);
	if (p->pending_count > 0 && !event_pending(&p->room, EV_TIMEOUT,
	    NULL))
		event_add(&p->room, &soon);
}

void
pool_release(struct worker *w)
{
	struct master *m = w->master;
	struct pool *p = &m->pool;

	if (++w->served >= m->conf.limits.worker_sessions ||
	    w->generation != p->generation || m->stopping) {
		pool_drop(w);
	} else {
		signer_forget(w);
		login_forget(w);
		TAILQ_REMOVE(&p->busy, w, entry);
		p->busy_count--;
		pool_worker_note_last(w);
		w->session = NULL;
		w->evicted_ms = 0;
		w->when = IPC_AT_IDLE;
		TAILQ_INSERT_HEAD(&p->idle, w, entry);
		p->idle_count++;
		pool_serve(m);
	}
	pool_ask(m);
}

/*
 * Two at most that it has not read; an honest one reads before it speaks the
 * next time, or is told again.
 */
static void
hurry(struct worker *w, enum hurry why, uint64_t idle_timeout_s)
{
	struct ipc_record r = { .type = IPC_HURRY };

	if (w->hurries >= 2)
		return;
	w->hurries++;
	r.u.hurry.why = why;
	r.u.hurry.idle_timeout_ms = (uint32_t)idle_timeout_s * 1000;
	(void)ipc_send(w->channel, &r, -1, false);
}

/* Tells those that serve when the pool has filled up, or emptied again. */
static void
update_hurry(struct master *m)
{
	bool hurried = session_is_hurried(m);
	struct worker *w;

	if (hurried == m->pool.hurried || m->stopping)
		return;
	m->pool.hurried = hurried;
	TAILQ_FOREACH(w, &m->pool.busy, entry)
		if (w->evicted_ms == 0)
			hurry(w, hurried ? HURRY_FULL : HURRY_NOT,
			    session_idle_timeout_s(m));
}

void
pool_evict(struct worker *w)
{
	w->evicted_ms = deadline_now_ms();
	hurry(w, HURRY_ROOM, 0);
	/* At most one of them, for either may be the end of w. */
	if (w->login != NULL)
		login_cut_short(w);
	else
		signer_cut_short(w);
}

void
pool_drain(struct master *m)
{
	struct pool *p = &m->pool;
	struct worker *w;

	while ((w = TAILQ_FIRST(&p->idle)) != NULL)
		pool_drop(w);
	TAILQ_FOREACH(w, &p->busy, entry) {
		hurry(w, HURRY_STOP, stop_idle_timeout_s);
	}
}

static void
on_room(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	admit_make_room(arg);
}

/* Once a second: the spare count follows the load. */
static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;
	struct pool *p = &m->pool;

	(void)fd;
	(void)what;
	if (p->starved)
		p->spare = p->spare * 2 < spare_max ? p->spare * 2 : spare_max;
	else if (p->spare > spare_min)
		p->spare--;
	p->starved = false;
	pool_worker_police(m);
	pool_serve(m);
	admit_tick(m);
	update_hurry(m);
	nursery_tick(m);
	helper_tick(m);
	while (p->idle_count > p->spare * 2 + spare_min)
		pool_drop(TAILQ_LAST(&p->idle, worker_list));
	pool_ask(m);
}

void
pool_start(struct master *m, const int channels[nursery_count])
{
	struct pool *p = &m->pool;

	TAILQ_INIT(&p->idle);
	TAILQ_INIT(&p->busy);
	TAILQ_INIT(&p->leaving);
	TAILQ_INIT(&p->pending);
	TAILQ_INIT(&m->greeting);
	p->spare = m->one_session ? 0 : spare_min;
	nursery_start(m, channels);
}

int
pool_wait(struct master *m, const char **why)
{
	struct pool *p = &m->pool;
	struct timeval second = { 1, 0 };

	if (nursery_wait(m, why) == -1)
		return -1;
	event_assign(&p->tick, m->base, -1, EV_PERSIST, on_tick, m);
	event_add(&p->tick, &second);
	event_assign(&p->room, m->base, -1, 0, on_room, m);
	pool_ask(m);
	return 0;
}

void
pool_stop(struct master *m)
{
	struct pool *p = &m->pool;
	struct worker *w;
	struct session *s;

	nursery_stop(m);
	while ((s = TAILQ_FIRST(&p->pending)) != NULL) {
		TAILQ_REMOVE(&p->pending, s, entry);
		p->pending_count--;
		session_end(m, s, "server stopped", NULL);
	}
	while ((w = TAILQ_FIRST(&p->idle)) != NULL)
		pool_drop(w);
	while ((w = TAILQ_FIRST(&p->busy)) != NULL) {
		s = w->session;
		pool_drop(w);
		session_end(m, s, "server stopped", NULL);
	}
	while ((w = TAILQ_FIRST(&p->leaving)) != NULL)
		pool_worker_forget(w);
	event_del(&p->tick);
	event_del(&p->room);
}
