/* The life of workers as their nurseries and channels report it. */
#include "server/process/pool_worker.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/deadline.h"

enum {
	unused_losses_max = 8,	/* in a row: then a pause before new ones */
	leave_patience_ms = 5000,	/* for a process to end */
	/*
	 * Answers that a worker does not read wait in the kernel, some with a
	 * descriptor, which counts against a limit of the master.
	 */
	unread_max_bytes = 2304
};

static void	on_readable(evutil_socket_t fd, short what, void *arg);

static void
on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	event_add(&w->readable, NULL);
}

void
pool_newborn(struct helper *n, pid_t pid, int channel, bool fresh)
{
	struct master *m = n->master;
	struct pool *p = m->pool;
	struct worker *w = fresh ? calloc(1, sizeof(*w)) : NULL;
	int few = unread_max_bytes;

	if (p->count[POOL_COMING] > 0)
		p->count[POOL_COMING]--;
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
	*w = (struct worker){ .master = m, .nursery = n, .channel = channel,
	    .pid = pid, .generation = p->generation, .tls = m->tls,
	    .when = IPC_AT_IDLE };
	w->tls->users++;
	event_assign(&w->readable, m->base, channel, EV_READ | EV_PERSIST,
	    on_readable, w);
	event_add(&w->readable, NULL);
	event_assign(&w->paused, m->base, -1, 0, on_pause_over, w);
	w->list = POOL_IDLE;
	TAILQ_INSERT_TAIL(&p->list[POOL_IDLE], w, entry);
	p->count[POOL_IDLE]++;
	pool_serve(m);
}

void
pool_stillborn(struct master *m, const char *why)
{
	struct pool *p = m->pool;
	int64_t now = deadline_now_ms();

	p->count[POOL_COMING] -= p->count[POOL_COMING] > 0;
	m->counters.value[COUNTER_UNBORN]++;
	if (now >= p->no_spawn_until_ms)
		log_error(why, NULL, 0);
	p->no_spawn_until_ms = now + 1000;
}

void
pool_forget(struct worker *w)
{
	struct pool *p = w->master->pool;

	TAILQ_REMOVE(&p->list[POOL_LEAVING], w, entry);
	p->count[POOL_LEAVING]--;
	free(w);
}

void
pool_drop(struct worker *w)
{
	pool_move(w, POOL_LEAVING);
	event_del(&w->readable);
	event_del(&w->paused);
	feed_stop(&w->feed);
	close(w->channel);
	sign_drop(w->master, w->tls);
	w->end_ms = deadline_now_ms() + leave_patience_ms;
	if (w->exited)
		pool_forget(w);
}

void
pool_lost(struct worker *w, const char *how)
{
	struct master *m = w->master;
	const struct pool_line *line = w->line;
	void *owner = w->owner;

	if (owner == NULL && ++m->pool->unused_losses >= unused_losses_max)
		m->pool->no_spawn_until_ms = deadline_now_ms() + 1000;
	pool_drop(w);
	if (owner != NULL)
		line->use->on_lost(owner, how);
	pool_ask(m);
}

/* Logs that w was compromised; blames its owner, or the last one it had. */
static void
punish(struct worker *w, const char *why)
{
	struct log_line l;

	w->master->counters.value[COUNTER_ATTACKS]++;
	log_begin(&l, LOG_LEVEL_ERROR, "worker-attack");
	log_add(&l, "pid=%zu", (size_t)w->pid);
	pool_look(w);
	if (w->line != NULL)
		w->line->use->accuse(w->master, w->seen.blame, &l);
	log_add(&l, "why=%s", why);
	log_end(&l);
}

static void
kill_process(struct worker *w)
{
	struct ipc_record r = { .type = IPC_KILL, .u.child.pid = w->pid };

	if (!w->exited)
		(void)nursery_ask(w->nursery, &r);
}

static void
kill_worker(struct worker *w, const char *why)
{
	punish(w, why);
	kill_process(w);
	pool_lost(w, "worker killed");
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	struct ipc_record r;
	const char *why = "";
	int passed;

	/* One record a turn: an honest worker waits for its answer anyway. */
	switch (ipc_recv(fd, IPC_FROM_WORKER, w->when, false, &r, &passed,
	    &why)) {
	case IPC_GOT_RECORD:
		w->stresses = 0;
		w->master->pool->count[POOL_HEARD]++;
		if (w->owner == NULL || !w->line->use->on_record(w->owner, &r))
			kill_worker(w, "record breaks the contract");
		/* The record may hold a password. */
		sodium_memzero(&r, sizeof(r));
		return;
	case IPC_GOT_NOTHING:
		return;
	case IPC_GOT_BAD:
	case IPC_GOT_NO_ROOM:	/* workers send no descriptors */
		kill_worker(w, why);
		return;
	case IPC_GOT_END:
	case IPC_GOT_ERROR:
		pool_lost(w, "worker gone");
	}
}

/* A living child of n; a child of the other nursery may have had that pid. */
static struct worker *
find_worker(const struct pool *p, const struct helper *n, pid_t pid)
{
	struct worker *w;

	for (size_t i = 0; i < POOL_LISTS; i++)
		TAILQ_FOREACH(w, &p->list[i], entry)
			if (w->pid == pid && w->nursery == n && !w->exited)
				return w;
	return NULL;
}

static void
log_crash(struct master *m, pid_t pid, int status, struct worker *w)
{
	struct log_line l;

	m->counters.value[COUNTER_CRASHES]++;
	log_begin(&l, LOG_LEVEL_ERROR, "worker-crash");
	if (WIFSIGNALED(status))
		log_add(&l, "pid=%zu signal=%zu why=%s", (size_t)pid,
		    (size_t)WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		log_add(&l, "pid=%zu status=%zu", (size_t)pid,
		    (size_t)WEXITSTATUS(status));
	if (w != NULL && w->line != NULL) {
		pool_look(w);
		w->line->use->accuse(m, w->seen.blame, &l);
	}
	log_end(&l);
}

bool
pool_died(struct helper *n, pid_t pid, int status)
{
	struct master *m = n->master;
	struct worker *w = find_worker(m->pool, n, pid);
	bool killed = w != NULL && w->killed != NULL &&
	    WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	bool crash = status != 0 && !killed;

	if (w == NULL && n->strangers == 0)
		return false;
	if (w == NULL)
		n->strangers--;
	else
		w->exited = true;
	if (killed && w->killed[0] != '\0')
		punish(w, w->killed);
	if (crash)
		log_crash(m, pid, status, w);
	/* First, so that no further worker gets that memory layout. */
	if (crash && WIFSIGNALED(status))
		nursery_renew(m);
	/* Its last records are still to be read; but not after a failure. */
	if (w != NULL && w->list == POOL_LEAVING)
		pool_forget(w);
	else if (w != NULL && status != 0)
		pool_lost(w, "worker died");
	if (crash)
		pool_retire_idle(m);
	if (crash && m->one_session)
		event_base_loopbreak(m->base);
	pool_ask(m);
	return true;
}

/* Those that serve go on. */
void
pool_nursery_lost(struct helper *n, bool was_active)
{
	struct pool *p = n->master->pool;
	struct worker *w, *next;

	for (size_t i = 0; i < POOL_LISTS; i++)
		for (w = TAILQ_FIRST(&p->list[i]); w != NULL; w = next) {
			next = TAILQ_NEXT(w, entry);
			if (w->nursery != n)
				continue;
			w->exited = true;
			if (i == POOL_LEAVING)
				pool_forget(w);
		}
	if (was_active)
		p->count[POOL_COMING] = 0;
	pool_ask(n->master);
}

/*
 * A worker that works for ever is compromised.  An evicted one that stays may
 * be, or waits for a slow disk: it loses its slot, without blame.  So may one
 * that stays after its work, or its nursery has yet to report its end: nobody
 * is blamed until it is reported that the process had to be killed.
 */
void
pool_police(struct master *m)
{
	const int64_t now = deadline_now_ms();
	struct worker *w, *next;

	for (w = TAILQ_FIRST(&m->pool->list[POOL_BUSY]); w != NULL; w = next) {
		next = TAILQ_NEXT(w, entry);
		if (w->when == IPC_AT_COMMIT)
			continue;
		pool_look(w);
		if (w->end_ms != 0 && now > w->end_ms) {
			w->killed = "";
			kill_process(w);
			pool_lost(w, "its slot was needed, and it did not end");
		} else if (now > w->seen.due_ms)
			kill_worker(w, "its work lasts far longer than it may "
			    "let it");
	}
	TAILQ_FOREACH(w, &m->pool->list[POOL_LEAVING], entry) {
		if (now <= w->end_ms)
			continue;
		if (w->killed == NULL)
			w->killed = "it was let go, and did not end";
		kill_process(w);
		w->end_ms = now + leave_patience_ms;	/* the next time */
	}
}
