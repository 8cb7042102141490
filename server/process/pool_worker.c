/*
 * The life of workers as their nurseries and channels tell it: births, ends,
 * and those that do not end as they should.
 */
#include "server/process/pool_worker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/mail/commit.h"
#include "server/process/nursery.h"
#include "server/process/pool.h"
#include "server/process/signer.h"
#include "server/process/tls_set.h"
#include "server/session/dispatch.h"
#include "server/session/login.h"
#include "server/session/session.h"
#include "shared/deadline.h"
#include "shared/ipc.h"
#include "shared/log.h"

enum {
	unused_losses_max = 8,	/* in a row: then a pause before new ones */
	crash_refusal_ms = 10 * 60 * 1000,
	leave_patience_ms = 5000,	/* for a process to end */
	evict_patience_ms = 10000,	/* for a session to end */
	/*
	 * Answers that a worker does not read wait in the kernel, some with a
	 * descriptor, and those count against a limit of the master: so few.
	 */
	unread_max_bytes = 2304
};

void
pool_newborn(struct nursery *n, pid_t pid, int channel, bool fresh)
{
	struct master *m = n->master;
	struct pool *p = &m->pool;
	struct worker *w = fresh ? calloc(1, sizeof(*w)) : NULL;
	int few = unread_max_bytes;

	if (p->coming > 0)
		p->coming--;
	if (w == NULL) {
		if (fresh)
			log_error("no memory for a worker", NULL, errno);
		n->strangers++;
		close(channel);
		pool_ask(m);
		return;
	}
	(void)setsockopt(channel, SOL_SOCKET, SO_SNDBUF, &few, sizeof(few));
	m->counters.value[COUNTER_WORKERS]++;
	w->master = m;
	w->nursery = n;
	w->channel = channel;
	w->pid = pid;
	w->generation = p->generation;
	tls_set_enter(w);
	w->when = IPC_AT_IDLE;
	event_assign(&w->readable, m->base, channel, EV_READ | EV_PERSIST,
	    dispatch_worker, w);
	event_add(&w->readable, NULL);
	event_assign(&w->paused, m->base, -1, 0, dispatch_go_on, w);
	TAILQ_INSERT_TAIL(&p->idle, w, entry);
	p->idle_count++;
	pool_serve(m);
	/* As many as may be under way at a time may not have been enough. */
	if (p->pending_count > 0)
		pool_ask(m);
}

void
pool_stillborn(struct master *m, uint64_t count, const char *why)
{
	struct pool *p = &m->pool;
	int64_t now = deadline_now_ms();

	p->coming -= count < p->coming ? count : p->coming;
	m->counters.value[COUNTER_UNBORN] += count;
	if (now >= p->no_spawn_until_ms)
		log_error(why, NULL, 0);
	p->no_spawn_until_ms = now + 1000;
}

/* Who is to answer for what becomes of w from now on. */
void
pool_worker_note_last(struct worker *w)
{
	memcpy(w->last_session, w->session->id, sizeof(w->last_session));
	w->last_client = w->session->client;
	w->last_of_proxy = w->session->of_proxy;
}

void
pool_worker_forget(struct worker *w)
{
	struct pool *p = &w->master->pool;

	TAILQ_REMOVE(&p->leaving, w, entry);
	p->leaving_count--;
	free(w);
}

void
pool_drop(struct worker *w)
{
	struct pool *p = &w->master->pool;

	signer_forget(w);
	login_forget(w);
	if (w->delivery != NULL)
		commit_forget(w->master, w->delivery);
	w->delivery = NULL;
	if (w->session != NULL) {
		pool_worker_note_last(w);
		TAILQ_REMOVE(&p->busy, w, entry);
		p->busy_count--;
	} else {
		TAILQ_REMOVE(&p->idle, w, entry);
		p->idle_count--;
	}
	event_del(&w->readable);
	event_del(&w->paused);
	close(w->channel);
	tls_set_leave(w);
	w->session = NULL;
	w->left_ms = deadline_now_ms();
	TAILQ_INSERT_TAIL(&p->leaving, w, entry);
	p->leaving_count++;
	if (w->exited)
		pool_worker_forget(w);
}

void
pool_lost(struct worker *w, const char *how)
{
	struct master *m = w->master;
	struct session *s = w->session;

	if (s == NULL && ++m->pool.unused_losses >= unused_losses_max)
		m->pool.no_spawn_until_ms = deadline_now_ms() + 1000;
	pool_drop(w);
	if (s != NULL)
		session_end(m, s, how, NULL);
	pool_ask(m);
}

/*
 * Not let in again soon; true: so it is.  A proxy is many clients, and
 * refused it would be refused for all of them; so would be all programs of a
 * developer.
 */
static bool
refuse_soon(struct master *m, const struct address *client, bool of_proxy)
{
	if (of_proxy || m->conf.catcher)
		return false;
	address_refuse(m->book, client, deadline_now_ms() + crash_refusal_ms);
	return true;
}

/* w has been in other hands, of its session noted last. */
static void
punish(struct worker *w, const char *why)
{
	struct master *m = w->master;
	struct log_line l;

	m->counters.value[COUNTER_ATTACKS]++;
	log_begin(&l, LOG_LEVEL_ERROR, "worker-attack");
	log_u64(&l, "pid", (uint64_t)w->pid);
	if (w->last_session[0] != '\0') {
		log_str(&l, "session", w->last_session);
		log_str(&l, "client", w->last_client.text);
		(void)refuse_soon(m, &w->last_client, w->last_of_proxy);
	}
	log_str(&l, "why", why);
	log_end(&l);
}

static void
kill_process(struct worker *w)
{
	struct ipc_record r = { .type = IPC_KILL, .u.pid.pid = w->pid };

	if (!w->exited)
		(void)nursery_ask(w->nursery, &r);
}

void
pool_kill(struct worker *w, const char *why)
{
	if (w->session != NULL)
		pool_worker_note_last(w);
	punish(w, why);
	kill_process(w);
	pool_lost(w, "worker killed");
}

void
pool_retire_idle(struct master *m)
{
	struct pool *p = &m->pool;
	struct worker *w, *next;

	for (w = TAILQ_FIRST(&p->idle); w != NULL; w = next) {
		next = TAILQ_NEXT(w, entry);
		if (w->generation != p->generation)
			pool_drop(w);
	}
}

static struct worker *
find_in(const struct worker_list *list, const struct nursery *n, pid_t pid)
{
	struct worker *w;

	/* The newest first: others may stay for long. */
	TAILQ_FOREACH_REVERSE(w, list, worker_list, entry)
		if (w->pid == pid && w->nursery == n && !w->exited)
			return w;
	return NULL;
}

/* A living child of n; a number may be that of another's by now. */
static struct worker *
find_worker(const struct pool *p, const struct nursery *n, pid_t pid)
{
	const struct worker_list *const lists[] = { &p->leaving, &p->busy,
	    &p->idle };
	struct worker *w = NULL;

	for (size_t i = 0; i < 3 && w == NULL; i++)
		w = find_in(lists[i], n, pid);
	return w;
}

/* signal=11, or status=N. */
static void
describe_status(struct log_line *l, int status)
{
	if (WIFSIGNALED(status)) {
		log_u64(l, "signal", (uint64_t)WTERMSIG(status));
		log_str(l, "why", strsignal(WTERMSIG(status)));
	} else
		log_u64(l, "status", (uint64_t)WEXITSTATUS(status));
}

static void
log_crash(struct master *m, pid_t pid, int status, const struct worker *w)
{
	struct log_line l;

	m->counters.value[COUNTER_CRASHES]++;
	log_begin(&l, LOG_LEVEL_ERROR, "worker-crash");
	log_u64(&l, "pid", (uint64_t)pid);
	describe_status(&l, status);
	if (w != NULL && w->last_session[0] != '\0') {
		log_str(&l, "session", w->last_session);
		log_str(&l, "client", w->last_client.text);
		if (refuse_soon(m, &w->last_client, w->last_of_proxy))
			log_u64(&l, "refused_s", crash_refusal_ms / 1000);
	}
	log_end(&l);
}

/* w, or a child that is no worker (NULL), did not end in order. */
static void
crashed(struct master *m, pid_t pid, int status, struct worker *w)
{
	if (w != NULL && w->session != NULL)
		pool_worker_note_last(w);
	log_crash(m, pid, status, w);
	if (m->one_session)
		event_base_loopbreak(m->base);
	if (WIFSIGNALED(status))
		nursery_renew(m);
	pool_retire_idle(m);
}

/* Did w (or NULL) end as the master wanted it?  Who is to blame then is. */
static bool
was_killed(struct worker *w, int status)
{
	if (w == NULL || w->killed == NULL || !WIFSIGNALED(status) ||
	    WTERMSIG(status) != SIGKILL)
		return false;
	if (w->killed[0] != '\0')
		punish(w, w->killed);
	return true;
}

bool
pool_died(struct nursery *n, pid_t pid, int status)
{
	struct master *m = n->master;
	struct worker *w = find_worker(&m->pool, n, pid);

	if (w == NULL && n->strangers == 0)
		return false;
	if (w == NULL)
		n->strangers--;
	else
		w->exited = true;
	if (status != 0 && !was_killed(w, status))
		crashed(m, pid, status, w);
	/* What it said last is still to be read; but not after a crash. */
	if (w != NULL && w->left_ms != 0)
		pool_worker_forget(w);
	else if (w != NULL && status != 0)
		pool_lost(w, "worker died");
	pool_ask(m);
	return true;
}

/* Lets go whom nobody will tell of; those that serve go on. */
static void
orphan(struct worker_list *list, const struct nursery *n)
{
	struct worker *w, *next;

	for (w = TAILQ_FIRST(list); w != NULL; w = next) {
		next = TAILQ_NEXT(w, entry);
		if (w->nursery != n)
			continue;
		w->exited = true;
		if (w->left_ms != 0)
			pool_worker_forget(w);
	}
}

void
pool_nursery_lost(struct nursery *n, bool was_active)
{
	struct pool *p = &n->master->pool;

	orphan(&p->idle, n);
	orphan(&p->busy, n);
	orphan(&p->leaving, n);
	if (was_active)
		p->coming = 0;
	pool_ask(n->master);
}

/*
 * A process whose work is over and which stays is in somebody else's hands.
 * Or its nursery has not told of its end: only when it tells that this one had
 * to be killed is anybody to blame.
 */
static void
kill_lingering(struct master *m)
{
	struct pool *p = &m->pool;
	int64_t now = deadline_now_ms();
	struct worker *w;

	while ((w = TAILQ_FIRST(&p->leaving)) != NULL &&
	    now - w->left_ms > leave_patience_ms) {
		if (w->killed == NULL)
			w->killed = "it was let go, and did not end";
		kill_process(w);
		/* Until its end is told; if it is not, again. */
		TAILQ_REMOVE(&p->leaving, w, entry);
		w->left_ms = now;
		TAILQ_INSERT_TAIL(&p->leaving, w, entry);
	}
}

/* A worker that keeps its place for ever is in somebody else's hands. */
static void
kill_overdue(struct master *m)
{
	struct worker *w;

	TAILQ_FOREACH(w, &m->pool.busy, entry) {
		if (w->when == IPC_AT_COMMIT ||
		    !session_is_overdue(w->session))
			continue;
		pool_kill(w, "session far longer than its worker may let it");
		return;		/* the next one at the next tick */
	}
}

/*
 * A place that was needed is given up at once, but by one that waits for a
 * slow disk, say, or is in somebody else's hands.  Neither keeps the place.
 */
static void
kill_evicted(struct master *m)
{
	int64_t now = deadline_now_ms();
	struct worker *w, *next;

	for (w = TAILQ_FIRST(&m->pool.busy); w != NULL; w = next) {
		next = TAILQ_NEXT(w, entry);
		if (w->evicted_ms == 0 || w->when == IPC_AT_COMMIT ||
		    now - w->evicted_ms <= evict_patience_ms)
			continue;
		w->killed = "";
		kill_process(w);
		pool_lost(w, "its place was needed, and it did not end");
	}
}

void
pool_worker_police(struct master *m)
{
	kill_evicted(m);
	kill_overdue(m);
	kill_lingering(m);
}
