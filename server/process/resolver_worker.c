/*
 * A worker that resolves, as the master sees it.  It reads what strangers
 * send, so it may be taken over: it learns the questions it is asked and no
 * other, answers these alone, and is replaced soon.  What it says of a name is
 * no more than a forged answer could have said.
 */
#include "server/process/resolver_worker.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/process/dial.h"
#include "server/process/feed.h"
#include "shared/deadline.h"

enum {
	asked_max = 1000,	/* of one worker */
	worker_age_ms = 10 * 60 * 1000,
	/* An honest worker gives up a question after 45 seconds. */
	answer_patience_ms = 90 * 1000,
	first_timeout_ms = 2000,	/* of a name server */
	dial_patience_ms = 5000,
	workers_max = 2,
	sockets_max = 8,	/* that one worker waits for */
	/* No honest worker wants more: a few, and some for each question. */
	sockets_first = 32,
	sockets_each = 16
};

/* A socket that a worker wants. */
struct wanted {
	struct resolving	*of;		/* NULL: free */
	struct ipc_socket_wanted what;
	struct dial_job		 job;
	bool			 dialled;	/* fd is to be sent */
	int			 fd;		/* -1: there is none */
};

/* One worker that resolves: the owner of it, for the pool. */
struct resolving {
	TAILQ_ENTRY(resolving)	 entry;
	struct master		*master;
	struct worker		*worker;
	struct feed		 feed;
	struct conf_resolver	 servers[resolve_servers_max];
	uint32_t		 server_count;
	bool			 believed;	/* AD, from each of them */
	bool			 leaves;	/* gets no more questions */
	bool			 ipv6;		/* addresses are asked for */
	int64_t			 until_ms;
	uint64_t		 asked, sockets;
	size_t			 open;		/* questions */
	struct wanted		 wanted[sockets_max];
};

/* What the pool keeps of a worker that resolved: its open questions. */
struct blamed {
	uint64_t	open;
	char		name[64];	/* of one of them */
};
_Static_assert(sizeof(struct blamed) <= pool_last_bytes, "too large");

/* A worker is wanted if none has room for a question that waits. */
static uint64_t
waiting(const struct master *m)
{
	const struct resolver *all = m->resolver;
	const struct resolving *r;
	size_t taking = 0;

	if (TAILQ_EMPTY(&all->list[QUESTION_WAITS]))
		return 0;
	TAILQ_FOREACH(r, &all->workers, entry) {
		if (r->leaves)
			continue;
		if (r->open < resolve_lookups_max)
			return 0;
		taking++;
	}
	return taking < workers_max;
}

void
resolver_work(struct master *m)
{
	struct resolving *r;

	TAILQ_FOREACH(r, &m->resolver->workers, entry)
		if (!r->leaves)
			feed_start(&r->feed);
	if (waiting(m) > 0)
		pool_want(m);
}

/* A worker that is old answers what it was asked, and goes. */
static void
retire(struct resolving *r)
{
	if (r->asked >= asked_max || deadline_now_ms() > r->until_ms)
		r->leaves = true;
	if (r->leaves && r->open == 0)
		pool_lost(r->worker, "replaced");
}

void
resolver_retire_all(struct resolver *all)
{
	struct resolving *r;

	TAILQ_FOREACH(r, &all->workers, entry)
		r->leaves = true;
}

/* ---- records ------------------------------------------------------------ */

/* Its next record: sockets first, for questions wait for them. */
static bool
next_record(void *arg, struct ipc_record *out)
{
	struct resolving *r = arg;
	struct resolver *all = r->master->resolver;
	struct question *q = TAILQ_FIRST(&all->list[QUESTION_WAITS]);

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < sockets_max; i++) {
		struct wanted *w = &r->wanted[i];

		if (w->of == NULL || !w->dialled)
			continue;
		out->type = w->fd == -1 ? IPC_NO_SOCKET : IPC_SOCKET;
		out->u.socket_wanted = w->what;
		r->feed.pass = w->fd;
		w->of = NULL;
		return true;
	}
	if (q == NULL || r->leaves || r->open == resolve_lookups_max)
		return false;
	q->route = calloc(1, sizeof(*q->route) +
	    resolve_hosts_max * sizeof(q->route->hosts[0]));
	if (q->route == NULL)
		return false;
	q->by = r;
	q->ticket = ++all->tickets;
	q->until_ms = deadline_now_ms() + answer_patience_ms;
	r->asked++;
	r->open++;
	resolver_move(all, q, QUESTION_ASKED);
	out->type = IPC_LOOKUP;
	out->u.lookup.ticket = q->ticket;
	out->u.lookup.kind = (uint8_t)q->kind;
	out->u.lookup.ipv6 = r->ipv6;
	out->u.lookup.name_len = (uint8_t)strlen(q->name);
	memcpy(out->u.lookup.name, q->name, out->u.lookup.name_len);
	return true;
}

/* dial has logged why it failed. */
static void
on_dialled(void *arg, int fd, int error)
{
	struct wanted *w = arg;

	w->fd = fd;
	w->dialled = true;
	feed_start(&w->of->feed);
}

/* False: an honest worker would not ask for it. */
static bool
on_socket_wanted(struct resolving *r, const struct ipc_socket_wanted *what)
{
	struct wanted *w = r->wanted, *end = w + sockets_max;

	while (w < end && w->of != NULL)
		w++;
	if (w == end || what->server >= r->server_count ||
	    r->sockets++ >= sockets_first + r->asked * sockets_each)
		return false;
	*w = (struct wanted){ .of = r, .what = *what, .fd = -1 };
	w->job.to = r->servers[what->server].ip;
	w->job.port = r->servers[what->server].port;
	w->job.udp = !what->tcp;
	w->job.patience_ms = dial_patience_ms;
	w->job.done = on_dialled;
	w->job.arg = w;
	dial_connect(r->master, &w->job);
	return true;
}

/* The question of that ticket, if r was asked it; or NULL. */
static struct question *
find_asked(struct resolving *r, uint64_t ticket)
{
	struct question *q;

	TAILQ_FOREACH(q, &r->master->resolver->list[QUESTION_ASKED], entry)
		if (q->by == r && q->ticket == ticket)
			return q;
	return NULL;
}

/* An honest worker adds what was asked for, and keeps the order. */
static bool
on_host(struct resolving *r, const struct ipc_host *h)
{
	struct question *q = find_asked(r, h->ticket);
	struct route *route = q == NULL ? NULL : q->route;
	struct route_host *to;

	if (q == NULL || route->count == (q->kind == RESOLVE_MX ?
	    resolve_hosts_max : 1))
		return false;
	to = &route->hosts[route->count];
	if (route->count > 0 && h->preference < to[-1].preference)
		return false;
	for (size_t i = 0; i < h->count; i++)
		if (h->addresses[i].ipv6 && !r->ipv6)
			return false;
	route->count++;
	to->preference = h->preference;
	to->status = h->status;
	to->count = h->count;
	memcpy(to->name, h->name, h->name_len);
	memcpy(to->addresses, h->addresses, sizeof(to->addresses));
	return true;
}

/* RFC 5321 5.1: equal ones in any order, so that the load is spread. */
static void
shuffle_equals(struct route *route)
{
	for (size_t i = 1; i < route->count; i++) {
		struct route_host *h = route->hosts, copy = h[i];
		size_t first = i, j;

		while (first > 0 && h[first - 1].preference ==
		    copy.preference)
			first--;
		j = first + randombytes_uniform((uint32_t)(i - first + 1));
		h[i] = h[j];
		h[j] = copy;
	}
}

/* With hosts if it is OK, and with none otherwise. */
static bool
on_answer(struct resolving *r, const struct ipc_answer *a)
{
	struct question *q = find_asked(r, a->ticket);
	struct route *route = q == NULL ? NULL : q->route, *less;
	struct master *m = r->master;

	if (q == NULL || (a->status == RESOLVE_OK) != (route->count > 0) ||
	    (a->implicit && route->count > 1))
		return false;
	less = realloc(route, sizeof(*route) +
	    route->count * sizeof(route->hosts[0]));
	q->route = route = less != NULL ? less : route;
	route->status = (enum resolve_status)a->status;
	route->implicit = a->implicit;
	route->secure = a->secure && r->believed;
	route->ttl_s = a->ttl_s;
	shuffle_equals(route);
	r->open--;
	resolver_answer(m->resolver, q);
	/* r may be freed now. */
	retire(r);
	resolver_work(m);
	return true;
}

static bool
on_record(void *owner, const struct ipc_record *r)
{
	return r->type == IPC_SOCKET_WANTED ?
	    on_socket_wanted(owner, &r->u.socket_wanted) :
	    r->type == IPC_HOST ? on_host(owner, &r->u.host) :
	    r->type == IPC_ANSWER && on_answer(owner, &r->u.answer);
}

static void
ask_again(struct resolver *all, struct question *q, bool may)
{
	free(q->route);
	q->route = NULL;
	q->by = NULL;
	if (q->again || !may) {
		resolver_answer(all, q);
		return;
	}
	q->again = true;
	resolver_move(all, q, QUESTION_WAITS);
}
/*
 * The worker is gone.  What it was asked the next one is asked, but only once
 * more: perhaps it was the answer that ended the worker.
 */
static void
on_lost(void *owner, const char *how)
{
	struct resolving *r = owner;
	struct master *m = r->master;
	struct resolver *all = m->resolver;
	struct question *q, *next;

	feed_stop(&r->feed);
	for (struct wanted *w = r->wanted; w < r->wanted + sockets_max; w++) {
		if (w->of != NULL && !w->dialled)
			dial_forget(&w->job);
		if (w->of != NULL && w->fd != -1)
			close(w->fd);
	}
	for (q = TAILQ_FIRST(&all->list[QUESTION_ASKED]); q != NULL;
	    q = next) {
		next = TAILQ_NEXT(q, entry);
		if (q->by == r)
			ask_again(all, q, !m->stopping);
	}
	TAILQ_REMOVE(&all->workers, r, entry);
	free(r);
	resolver_work(m);
}

/* ---- for the pool ------------------------------------------------------- */

/* Has w resolve; 0, or -1 and errno. */
static int
begin(struct master *m, struct worker *w)
{
	const struct conf_relay *conf = &m->conf.relay;
	struct ipc_record rec = { .type = IPC_RESOLVE };
	struct resolving *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -1;
	*r = (struct resolving){ .master = m, .worker = w,
	    .ipv6 = conf->ipv6, .believed = true,
	    .server_count = (uint32_t)conf->resolver_count,
	    .until_ms = deadline_now_ms() + worker_age_ms };
	for (size_t i = 0; i < conf->resolver_count; i++) {
		r->servers[i] = conf->resolvers[i];
		r->believed = r->believed && r->servers[i].believed;
	}
	rec.u.resolve.servers = r->server_count;
	rec.u.resolve.timeout_ms = first_timeout_ms;
	if (pool_send(w, &rec, -1) == -1) {
		free(r);
		return -1;
	}
	TAILQ_INSERT_TAIL(&m->resolver->workers, r, entry);
	pool_lend(w, &resolver_use, r, IPC_AT_RESOLVE);
	feed_init(&r->feed, m->base, pool_channel(w), next_record, NULL, r);
	feed_start(&r->feed);
	return 0;
}

static void
on_idle(struct master *m)
{
	struct worker *w;

	while (waiting(m) > 0 && (w = pool_idle(m)) != NULL) {
		if (begin(m, w) == 0)
			continue;
		/* Without memory now: again at the next tick. */
		if (errno == ENOMEM || errno == ENOBUFS || errno == EAGAIN)
			break;
		pool_lost(w, "worker gone before its first question");
	}
}

static void
on_tick(struct master *m)
{
	struct resolver *all = m->resolver;
	struct resolving *r, *next;

	if (all->epoch != NULL)
		resolver_follow_conf(m);
	for (r = TAILQ_FIRST(&all->workers); r != NULL; r = next) {
		next = TAILQ_NEXT(r, entry);
		retire(r);
	}
	resolver_work(m);
}

static bool
is_overdue(const void *owner)
{
	const struct resolving *r = owner;
	const struct question *q;

	TAILQ_FOREACH(q, &r->master->resolver->list[QUESTION_ASKED], entry)
		if (q->by == r)
			return deadline_now_ms() > q->until_ms;
	return false;
}

static const char *
state(const void *owner)
{
	return "resolving";
}

/* Any of the open questions may have brought the answer that did it. */
static void
blame(struct master *m, const void *owner, void *last, struct log_line *l)
{
	const struct resolving *r = owner;
	const struct question *q;
	struct blamed *b = last;

	if (r != NULL) {
		memset(b, 0, sizeof(*b));
		b->open = r->open;
		TAILQ_FOREACH(q, &m->resolver->list[QUESTION_ASKED], entry)
			if (q->by == r)
				memcpy(b->name, q->name, sizeof(b->name) - 1);
	}
	if (l == NULL)
		return;
	log_u64(l, "questions", b->open);
	log_str(l, "domain", b->name);
}

const struct worker_use resolver_use = {
	.waiting = waiting,
	.on_idle = on_idle,
	.on_tick = on_tick,
	.on_record = on_record,
	.on_lost = on_lost,
	.is_overdue = is_overdue,
	.state = state,
	.blame = blame
};
