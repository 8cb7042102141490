/*
 * Workers: asked for ahead of need, given to clients, let go.  What the
 * nurseries do is in nursery.c of this folder; which client gets in is not
 * decided here.
 */
#include "server/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/dispatch.h"
#include "server/nursery.h"
#include "server/pool_worker.h"
#include "server/session.h"
#include "shared/deadline.h"
#include "shared/ipc.h"
#include "shared/log.h"

enum {
	spare_min = 4,
	spare_max = 128,
	spawn_batch_max = 32,
	casualties_max = 256,
	unused_losses_max = 8,	/* in a row: then a pause before new ones */
	crash_refusal_ms = 10 * 60 * 1000
};

/*
 * Asks the nursery for what is missing, in batches rather than one by one;
 * never for more at a time than may be under way on its channel.
 */
static void
ask_for_workers(struct master *m)
{
	struct pool *p = &m->pool;
	uint64_t have = p->idle_count + p->coming;
	uint64_t want = p->pending_count + p->spare;
	uint64_t room, all = have + p->busy_count, max = m->conf.limits.workers;
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
	if (ipc_send(p->active->channel, &r, -1, false) == 0)
		p->coming += want;
}

static void
give(struct worker *w, struct session *s)
{
	struct pool *p = &w->master->pool;
	struct ipc_record r = { .type = IPC_SESSION };
	int error;

	r.u.session.idle_timeout_s = session_idle_timeout_s(w->master);
	r.u.session.room = session_has_room(w->master, 0);
	TAILQ_REMOVE(&p->idle, w, entry);
	p->idle_count--;
	TAILQ_INSERT_TAIL(&p->busy, w, entry);
	p->busy_count++;
	w->session = s;
	w->when = IPC_AT_SESSION;
	p->unused_losses = 0;
	error = ipc_send(w->channel, &r, s->socket, false);
	close(s->socket);
	s->socket = -1;
	if (error == -1)
		pool_lost(w, "worker gone before its session");
}

void
pool_assign(struct master *m, struct session *s)
{
	struct worker *w = TAILQ_FIRST(&m->pool.idle);

	if (w != NULL) {
		give(w, s);
	} else {
		TAILQ_INSERT_TAIL(&m->pool.pending, s, entry);
		m->pool.pending_count++;
		m->pool.starved = true;
	}
	ask_for_workers(m);
}

static void
serve_pending(struct master *m)
{
	struct session *s = TAILQ_FIRST(&m->pool.pending);
	struct worker *w = TAILQ_FIRST(&m->pool.idle);

	if (s == NULL || w == NULL)
		return;
	TAILQ_REMOVE(&m->pool.pending, s, entry);
	m->pool.pending_count--;
	give(w, s);
}

void
pool_newborn(struct master *m, pid_t pid, int channel, bool fresh)
{
	struct pool *p = &m->pool;
	struct worker *w = fresh ? calloc(1, sizeof(*w)) : NULL;

	if (p->coming > 0)
		p->coming--;
	if (w == NULL) {
		if (fresh)
			log_error("no memory for a worker", NULL, errno);
		close(channel);
		ask_for_workers(m);
		return;
	}
	w->master = m;
	w->channel = channel;
	w->pid = pid;
	w->generation = p->generation;
	w->when = IPC_AT_IDLE;
	event_assign(&w->readable, m->base, channel, EV_READ | EV_PERSIST,
	    dispatch_worker, w);
	event_add(&w->readable, NULL);
	TAILQ_INSERT_TAIL(&p->idle, w, entry);
	p->idle_count++;
	serve_pending(m);
}

void
pool_stillborn(struct master *m, uint64_t count)
{
	struct pool *p = &m->pool;

	p->coming -= count < p->coming ? count : p->coming;
	p->no_spawn_until_ms = deadline_now_ms() + 1000;
	log_error("the nursery could not fork a worker", NULL, 0);
}

static void
forget(struct worker *w)
{
	event_del(&w->readable);
	close(w->channel);
	free(w);
}

void
pool_drop(struct worker *w)
{
	struct pool *p = &w->master->pool;

	if (w->when == IPC_AT_COMMIT)
		TAILQ_REMOVE(&w->master->committing, w, waiting);
	if (w->session != NULL) {
		TAILQ_REMOVE(&p->busy, w, entry);
		p->busy_count--;
	} else {
		TAILQ_REMOVE(&p->idle, w, entry);
		p->idle_count--;
	}
	forget(w);
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
		TAILQ_REMOVE(&p->busy, w, entry);
		p->busy_count--;
		w->session = NULL;
		w->when = IPC_AT_IDLE;
		TAILQ_INSERT_HEAD(&p->idle, w, entry);
		p->idle_count++;
		serve_pending(m);
	}
	ask_for_workers(m);
}

/* The client of process pid, whose session ended without END; or NULL. */
static struct casualty *
find_casualty(const struct pool *p, pid_t pid)
{
	struct casualty *c;

	TAILQ_FOREACH(c, &p->casualties, entry)
		if (c->pid == pid)
			return c;
	return NULL;
}

/* Until the nursery has told how the process ended, if it ever does. */
static void
remember_casualty(struct pool *p, pid_t pid, const struct session *s)
{
	struct casualty *c;

	if (p->casualty_count >= casualties_max) {
		c = TAILQ_FIRST(&p->casualties);
		TAILQ_REMOVE(&p->casualties, c, entry);
	} else {
		c = malloc(sizeof(*c));
		if (c == NULL)
			return;
		p->casualty_count++;
	}
	c->pid = pid;
	memcpy(c->session, s->id, sizeof(c->session));
	c->client = s->client;
	TAILQ_INSERT_TAIL(&p->casualties, c, entry);
}

void
pool_lost(struct worker *w, const char *how)
{
	struct master *m = w->master;
	struct session *s = w->session;

	if (s != NULL)
		remember_casualty(&m->pool, w->pid, s);
	else if (++m->pool.unused_losses >= unused_losses_max)
		m->pool.no_spawn_until_ms = deadline_now_ms() + 1000;
	pool_drop(w);
	if (s != NULL)
		session_end(m, s, how, NULL);
	ask_for_workers(m);
}

void
pool_kill(struct worker *w, const char *why)
{
	struct master *m = w->master;
	struct ipc_record r = { .type = IPC_KILL, .u.pid.pid = w->pid };
	struct session *s = w->session;
	struct log_line l;

	log_begin(&l, LOG_LEVEL_ERROR, "worker-attack");
	log_u64(&l, "pid", (uint64_t)w->pid);
	if (s != NULL) {
		log_str(&l, "session", s->id);
		log_str(&l, "client", s->client.text);
		address_refuse(m->book, &s->client,
		    deadline_now_ms() + crash_refusal_ms);
	}
	log_str(&l, "why", why);
	log_end(&l);
	for (size_t i = 0; i < nursery_count; i++)
		if (m->pool.nurseries[i].state == NURSERY_READY)
			(void)ipc_send(m->pool.nurseries[i].channel, &r, -1,
			    false);
	pool_lost(w, "worker killed");
}

/* Idle workers of an older image share its layout: they go. */
static void
retire_idle(struct pool *p)
{
	struct worker *w, *next;

	for (w = TAILQ_FIRST(&p->idle); w != NULL; w = next) {
		next = TAILQ_NEXT(w, entry);
		if (w->generation != p->generation)
			pool_drop(w);
	}
}

void
pool_died(struct master *m, pid_t pid, int status)
{
	struct pool *p = &m->pool;
	struct casualty *c;
	struct worker *w;
	struct log_line l;

	/* Its channel may still hold records that were sent before: gone. */
	TAILQ_FOREACH(w, &p->busy, entry)
		if (w->pid == pid) {
			pool_lost(w, "worker died");
			break;
		}
	log_begin(&l, LOG_LEVEL_ERROR, "worker-crash");
	log_u64(&l, "pid", (uint64_t)pid);
	nursery_describe_status(&l, status);
	c = find_casualty(p, pid);
	if (c != NULL) {
		log_str(&l, "session", c->session);
		log_str(&l, "client", c->client.text);
		address_refuse(m->book, &c->client,
		    deadline_now_ms() + crash_refusal_ms);
		log_u64(&l, "refused_s", crash_refusal_ms / 1000);
		TAILQ_REMOVE(&p->casualties, c, entry);
		p->casualty_count--;
		free(c);
	}
	log_end(&l);
	if (WIFSIGNALED(status))
		nursery_renew(m);
	retire_idle(p);
	ask_for_workers(m);
}

void
pool_nursery_lost(struct master *m)
{
	m->pool.coming = 0;
	ask_for_workers(m);
}

/* A worker that keeps its place for ever is in somebody else's hands. */
static void
kill_overdue(struct master *m)
{
	struct worker *w;

	TAILQ_FOREACH(w, &m->pool.busy, entry) {
		if (!session_is_overdue(m, w->session))
			continue;
		pool_kill(w, "session far longer than its worker may let it");
		return;		/* the next one at the next tick */
	}
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
	kill_overdue(m);
	session_update_accepting(m);
	nursery_breed(m);
	while (p->idle_count > p->spare * 2 + spare_min)
		pool_drop(TAILQ_LAST(&p->idle, worker_list));
	ask_for_workers(m);
}

int
pool_start(struct master *m, const int channels[nursery_count],
    const char **why)
{
	struct pool *p = &m->pool;
	struct timeval second = { 1, 0 };

	TAILQ_INIT(&p->idle);
	TAILQ_INIT(&p->busy);
	TAILQ_INIT(&p->pending);
	TAILQ_INIT(&p->casualties);
	p->spare = spare_min;
	if (nursery_start(m, channels, why) == -1)
		return -1;
	event_assign(&p->tick, m->base, -1, EV_PERSIST, on_tick, m);
	event_add(&p->tick, &second);
	ask_for_workers(m);
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
	event_del(&p->tick);
}
