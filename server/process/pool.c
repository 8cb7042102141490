/*
 * Workers: asked for ahead of need, lent to owners, given up; their births and
 * ends are in pool_worker.c.
 */
#include "server/process/pool.h"

#include <errno.h>
#include <stdlib.h>

#include "server/process/pool_worker.h"
#include "shared/deadline.h"

enum {
	spare_min = 4,
	spare_max = 128,
	spawn_batch_max = 32,
	evict_patience_ms = 10000,	/* for the work to end */
	stop_idle_timeout_s = 5
};

static uint64_t
count_waiting(const struct pool *p)
{
	uint64_t n = 0;

	for (const struct pool_line *l = p->lines; l->use != NULL; l++)
		n += l->waiting < l->slots ? l->waiting : l->slots;
	return n;
}

/* In batches, never of more than may be under way on a nursery's channel. */
void
pool_ask(struct master *m)
{
	struct pool *p = m->pool;
	uint64_t *c = p->count;
	const uint64_t have = c[POOL_IDLE] + c[POOL_COMING],
	    all = have + c[POOL_BUSY] + c[POOL_LEAVING],
	    waiting = count_waiting(p), max = m->conf.limits.workers;
	uint64_t want = waiting + c[POOL_SPARE];
	uint64_t room = all < max ? max - all : 0;
	struct ipc_record r = { .type = IPC_SPAWN };

	if (p->active == NULL || m->stopping || have >= want ||
	    have > waiting + c[POOL_SPARE] / 2 ||
	    c[POOL_COMING] >= spawn_batch_max ||
	    deadline_now_ms() < p->no_spawn_until_ms)
		return;
	if (room > spawn_batch_max - c[POOL_COMING])
		room = spawn_batch_max - c[POOL_COMING];
	want = want - have < room ? want - have : room;
	r.u.number.n = (uint32_t)want;
	if (want > 0 && nursery_ask(p->active, &r) == 0)
		c[POOL_COMING] += want;
}

static bool
next_record(void *worker, struct ipc_record *out)
{
	struct worker *w = worker;

	return w->line->use->feed != NULL &&
	    w->line->use->feed(w->owner, out, &w->feed.pass);
}

/* Lends w to the next owner of l.  False: memory is short. */
static bool
lend(struct pool_line *l, struct worker *w)
{
	struct master *m = w->master;
	struct pool_wait *wait = l->use->next != NULL ? l->use->next(m) :
	    TAILQ_FIRST(&l->waits);
	int when;

	feed_init(&w->feed, m->base, w->channel, next_record, NULL, w);
	when = l->use->begin(wait->owner, w);
	if (when == 0)
		return true;
	/* EAGAIN: it has not read what it got in its last work. */
	if (when < 0 && errno != EAGAIN && feed_may_later(errno))
		return false;
	if (when < 0) {
		pool_lost(w, "worker gone before its work");
		return true;
	}
	pool_move(w, POOL_BUSY);
	l->slots--;
	w->line = l;
	w->owner = wait->owner;
	w->when = (enum ipc_when)when;
	m->pool->unused_losses = 0;
	pool_forgo(wait);
	pool_feed(w);
	return true;
}

void
pool_serve(struct master *m)
{
	struct pool *p = m->pool;
	struct worker *w;
	bool lends = !m->stopping;

	for (struct pool_line *l = p->lines; l->use != NULL; l++)
		while (lends && l->waiting > 0 && l->slots > 0 &&
		    (w = TAILQ_FIRST(&p->list[POOL_IDLE])) != NULL)
			lends = lend(l, w);
	pool_ask(m);
}

void
pool_want(struct master *m, const struct worker_use *use,
    struct pool_wait *wait, void *owner)
{
	struct pool *p = m->pool;
	struct pool_line *l = p->lines;

	if (wait->line != NULL)
		return;
	while (l->use != use)
		l++;
	*wait = (struct pool_wait){ .line = l, .owner = owner };
	TAILQ_INSERT_TAIL(&l->waits, wait, entry);
	l->waiting++;
	if (TAILQ_EMPTY(&p->list[POOL_IDLE]))
		p->starved = true;
	pool_serve(m);
}

void
pool_forgo(struct pool_wait *wait)
{
	if (wait->line == NULL)
		return;
	TAILQ_REMOVE(&wait->line->waits, wait, entry);
	wait->line->waiting--;
	wait->line = NULL;
}

void
pool_look(struct worker *w)
{
	if (w->owner != NULL)
		w->line->use->see(w->owner, &w->seen);
}

void
pool_move(struct worker *w, enum pool_count to)
{
	struct pool *p = w->master->pool;

	if (w->list == POOL_BUSY) {
		pool_look(w);
		w->line->slots++;
		w->owner = NULL;
		feed_stop(&w->feed);
	}
	TAILQ_REMOVE(&p->list[w->list], w, entry);
	p->count[w->list]--;
	w->list = to;
	p->count[to]++;
	if (to == POOL_IDLE)
		TAILQ_INSERT_HEAD(&p->list[to], w, entry);
	else
		TAILQ_INSERT_TAIL(&p->list[to], w, entry);
}

void
pool_release(struct worker *w)
{
	struct master *m = w->master;

	if (++w->served >= m->conf.limits.worker_sessions ||
	    w->line->use->once || w->feed.sent > 0 ||
	    w->generation != m->pool->generation || m->stopping) {
		pool_drop(w);
	} else {
		w->end_ms = 0;
		w->when = IPC_AT_IDLE;
		pool_move(w, POOL_IDLE);
	}
	pool_serve(m);
}

int
pool_send(struct worker *w, struct ipc_record *r, int fd)
{
	return feed_send(&w->feed, r, fd);
}

void
pool_feed(struct worker *w)
{
	feed_start(&w->feed);
}

/*
 * An honest worker reads all before its next record: two words about the load
 * may wait, and each of the others, which come once.
 */
void
pool_stress(struct worker *w, enum stress why, uint64_t idle_timeout_s)
{
	struct ipc_record r = { .type = IPC_STRESS };

	if (why < STRESS_EVICT && w->stresses++ >= 2)
		return;
	r.u.stress.why = why;
	r.u.stress.idle_timeout_ms = (uint32_t)idle_timeout_s * 1000;
	(void)pool_send(w, &r, -1);
}

void
pool_pause(struct worker *w, int64_t us)
{
	event_del(&w->readable);
	event_add(&w->paused, &(struct timeval){ us / 1000000, us % 1000000 });
}

void
pool_permit(struct worker *w, enum ipc_when when)
{
	w->when = when;
}

enum ipc_when
pool_permits(const struct worker *w)
{
	return w->when;
}

bool
pool_key_slot(const struct worker *w, uint16_t pair, uint16_t *out)
{
	if (pair >= w->tls->count)
		return false;
	*out = w->tls->pairs[pair].facts.slot;
	return true;
}

pid_t
pool_pid(const struct worker *w)
{
	return w->pid;
}

void
pool_evict(struct worker *w)
{
	w->end_ms = deadline_now_ms() + evict_patience_ms;
	pool_stress(w, STRESS_EVICT, 0);
}

static void
drop_idle(struct pool *p, bool all)
{
	struct worker *w, *next;

	TAILQ_FOREACH_SAFE(w, &p->list[POOL_IDLE], entry, next)
		if (all || w->generation != p->generation)
			pool_drop(w);
}

void
pool_drain(struct master *m)
{
	struct worker *w;

	drop_idle(m->pool, true);
	TAILQ_FOREACH(w, &m->pool->list[POOL_BUSY], entry)
		pool_stress(w, STRESS_END, stop_idle_timeout_s);
}

void
pool_retire_idle(struct master *m)
{
	drop_idle(m->pool, false);
	pool_ask(m);
}

/* Once a second: the spare count follows the load. */
static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;
	struct pool *p = m->pool;
	uint64_t *spare = &p->count[POOL_SPARE];

	if (p->starved)
		*spare = *spare * 2 < spare_max ? *spare * 2 : spare_max;
	else if (*spare > spare_min)
		(*spare)--;
	p->starved = false;
	pool_police(m);
	for (const struct pool_line *l = p->lines; l->use != NULL; l++)
		if (l->use->on_tick != NULL)
			l->use->on_tick(m);
	pool_serve(m);
	while (p->count[POOL_IDLE] > *spare * 2 + spare_min)
		pool_drop(TAILQ_LAST(&p->list[POOL_IDLE], worker_list));
}

int
pool_start(struct master *m, const struct worker_use *const *uses)
{
	struct pool *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -1;
	for (size_t i = 0; i < POOL_LISTS; i++)
		TAILQ_INIT(&p->list[i]);
	for (struct pool_line *l = p->lines; *uses != NULL; l++) {
		l->use = *uses++;
		l->slots = l->use->most != 0 ? l->use->most : UINT64_MAX;
		TAILQ_INIT(&l->waits);
	}
	p->count[POOL_SPARE] = m->one_session ? 0 : spare_min;
	m->pool = p;
	return 0;
}

void
pool_open(struct master *m)
{
	struct pool *p = m->pool;

	event_assign(&p->tick, m->base, -1, EV_PERSIST, on_tick, m);
	event_add(&p->tick, &(struct timeval){ 1, 0 });
	pool_ask(m);
}

void
pool_stop(struct master *m)
{
	struct pool *p = m->pool;
	struct worker *w;

	p->active = NULL;
	drop_idle(p, true);
	while ((w = TAILQ_FIRST(&p->list[POOL_BUSY])) != NULL)
		pool_lost(w, "server stopped");
	while ((w = TAILQ_FIRST(&p->list[POOL_LEAVING])) != NULL)
		pool_forget(w);
	event_del(&p->tick);
}

/* ---- status ------------------------------------------------------------- */

const uint64_t *
pool_count(const struct master *m)
{
	return m->pool->count;
}

const struct helper *
pool_nursery(const struct master *m)
{
	return m->pool->active;
}

void
pool_workers(const struct master *m, size_t max, pool_see *see, void *arg)
{
	struct worker *w;

	for (size_t i = 0; i < POOL_LISTS; i++)
		TAILQ_FOREACH(w, &m->pool->list[i], entry) {
			if (max-- == 0)
				return;
			pool_look(w);
			see(arg, &(struct pool_process){ w->pid,
			    i == POOL_BUSY ? w->seen.state :
			    i == POOL_IDLE ? "spare" : "leaving",
			    w->nursery->sandbox });
		}
}
