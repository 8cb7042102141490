/*
 * Questions to the DNS, the master's part: which question is whose, and the
 * cache.  No octet of a name server is read here: worker/resolve.c does that,
 * over sockets that dial connected.  resolver_worker.c has the master's end of
 * these workers.
 */
#include "server/process/resolver_worker.h"

#include <stdlib.h>
#include <string.h>

#include "shared/deadline.h"

enum {
	cache_max = 1000,	/* routes */
	ttl_least_s = 5,
	ttl_most_s = 3600,
	ttl_negative_most_s = 300,
	turn_max = 64		/* calls of done() in one turn */
};

static int
compare(const struct question *a, const struct question *b)
{
	return a->kind != b->kind ? (a->kind < b->kind ? -1 : 1) :
	    strcmp(a->name, b->name);
}

/* Some of the generated functions are not used. */
RB_GENERATE_INTERNAL(questions, question, node, compare,
    __attribute__((unused)) static)

void
resolver_move(struct resolver *all, struct question *q,
    enum question_state state)
{
	TAILQ_REMOVE(&all->list[q->state], q, entry);
	TAILQ_INSERT_TAIL(&all->list[state], q, entry);
	if (q->state == QUESTION_CACHED)
		all->cached--;
	if (state == QUESTION_CACHED)
		all->cached++;
	q->state = state;
}

static void
tell_soon(struct resolver *all)
{
	static const struct timeval now = { 0, 0 };

	evtimer_add(&all->tell, &now);
}

static void
forget(struct resolver *all, struct question *q)
{
	TAILQ_REMOVE(&all->list[q->state], q, entry);
	if (q->state == QUESTION_CACHED)
		all->cached--;
	RB_REMOVE(questions, &all->all, q);
	free(q->route);
	free(q);
}

void
resolver_answer(struct resolver *all, struct question *q)
{
	const struct route *r = q->route;
	uint32_t ttl = r == NULL ? 0 : r->ttl_s, most =
	    r != NULL && r->status == RESOLVE_OK ? ttl_most_s :
	    ttl_negative_most_s;

	all->counters->value[COUNTER_LOOKUPS_OK + (r == NULL ?
	    RESOLVE_TROUBLE : r->status)]++;
	if (r != NULL && r->status != RESOLVE_TROUBLE)
		all->seen.answer_ms = deadline_now_ms();
	if (r != NULL && r->secure)
		all->seen.secure_ms = deadline_now_ms();
	ttl = ttl > most ? most : ttl < ttl_least_s ? ttl_least_s : ttl;
	q->until_ms = deadline_now_ms() + (int64_t)ttl * 1000;
	q->again = false;
	q->by = NULL;
	resolver_move(all, q, QUESTION_ANSWERED);
	tell_soon(all);
}

static void
tell_job(struct resolver_job *job, const struct route *route)
{
	static const struct route trouble = { .status = RESOLVE_TROUBLE };

	LIST_REMOVE(job, entry);
	job->open = false;
	job->done(job->arg, route != NULL ? route : &trouble);
}

/*
 * Tells jobs, a few in a turn.  done() may ask and forget anything: so each
 * job is looked for anew, and an answered question is freed by nobody else.
 */
static void
on_tell(evutil_socket_t fd, short what, void *arg)
{
	struct resolver *all = arg;
	struct question *q;

	for (int i = 0; i < turn_max; i++) {
		if (!LIST_EMPTY(&all->failed)) {
			tell_job(LIST_FIRST(&all->failed), NULL);
			continue;
		}
		q = TAILQ_FIRST(&all->list[QUESTION_ANSWERED]);
		if (q == NULL)
			return;
		if (!LIST_EMPTY(&q->jobs)) {
			tell_job(LIST_FIRST(&q->jobs), q->route);
			continue;
		}
		resolver_move(all, q, QUESTION_CACHED);
		if (all->cached > cache_max)
			forget(all, TAILQ_FIRST(
			    &all->list[QUESTION_CACHED]));
	}
	tell_soon(all);
}

/* After SIGHUP other servers may be asked, and other addresses be wanted. */
void
resolver_follow_conf(struct master *m)
{
	struct resolver *all = m->resolver;
	struct question *q;

	if (all->epoch == m->epoch)
		return;
	if (all->epoch != NULL)
		conf_epoch_leave(all->epoch);
	all->epoch = conf_epoch_enter(m->epoch);
	while ((q = TAILQ_FIRST(&all->list[QUESTION_CACHED])) != NULL)
		forget(all, q);
	resolver_retire_all(all);
}

static struct question *
find_or_add(struct resolver *all, const struct resolver_job *job)
{
	struct question key = { .kind = job->kind }, *q;

	memcpy(key.name, job->name, sizeof(key.name));
	q = RB_FIND(questions, &all->all, &key);
	if (q != NULL || (q = malloc(sizeof(*q))) == NULL)
		return q;
	*q = key;
	LIST_INIT(&q->jobs);
	RB_INSERT(questions, &all->all, q);
	TAILQ_INSERT_TAIL(&all->list[QUESTION_WAITS], q, entry);
	return q;
}

void
resolver_ask(struct master *m, struct resolver_job *job)
{
	struct resolver *all = m->resolver;
	struct question *q;

	resolver_follow_conf(m);
	q = m->conf.relay.resolver_count == 0 ? NULL : find_or_add(all, job);
	job->open = true;
	if (q == NULL) {
		LIST_INSERT_HEAD(&all->failed, job, entry);
		tell_soon(all);
		return;
	}
	LIST_INSERT_HEAD(&q->jobs, job, entry);
	if (q->state == QUESTION_CACHED &&
	    deadline_now_ms() < q->until_ms) {
		resolver_move(all, q, QUESTION_ANSWERED);
		tell_soon(all);
	} else if (q->state == QUESTION_CACHED) {
		free(q->route);
		q->route = NULL;
		resolver_move(all, q, QUESTION_WAITS);
	}
	if (q->state == QUESTION_WAITS)
		resolver_work(m);
}

void
resolver_forget(struct master *m, struct resolver_job *job)
{
	if (!job->open)
		return;
	LIST_REMOVE(job, entry);
	job->open = false;
}

void
resolver_figures(const struct master *m, struct resolver_figures *out)
{
	const struct resolver *all = m->resolver;
	const struct question *q;

	memset(out, 0, sizeof(*out));
	if (all == NULL)
		return;
	*out = all->seen;
	out->cached = (uint32_t)all->cached;
	TAILQ_FOREACH(q, &all->list[QUESTION_ASKED], entry)
		out->open++;
}

int
resolver_start(struct master *m)
{
	struct resolver *all = calloc(1, sizeof(*all));

	if (all == NULL)
		return -1;
	RB_INIT(&all->all);
	for (size_t i = 0; i < QUESTION_STATES; i++)
		TAILQ_INIT(&all->list[i]);
	TAILQ_INIT(&all->workers);
	evtimer_assign(&all->tell, m->base, on_tell, all);
	all->counters = &m->counters;
	m->resolver = all;
	return 0;
}
