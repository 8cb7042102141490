/*
 * Sites: what is known of them, and what waits.
 */
#include "server/mail/site.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "shared/deadline.h"

enum {
	probe_s = 60,			/* a probe was called, and none came */
	refill_s = 5,
	kept_s = 10 * 60,		/* what is known of one without work */
	kept_down_s = 5 * 60 * 60,	/* if it is down; longer than a gap */
	kept_max = 10000,
	turn_us = 4 * 1000
};

static struct {
	void		(*due)(struct master *m, struct queued *q);
	void		(*serve)(struct site *s);
	void		*tree;		/* by key */
	TAILQ_HEAD(sites, site) lists[SITE_LISTS], every;
	size_t		 count;
	struct event	 turn;
} all;

static int
compare(const void *a, const void *b)
{
	return memcmp(((const struct site *)a)->key,
	    ((const struct site *)b)->key, path_key_bytes);
}

static void
list(struct site *s, enum site_list which)
{
	if (s->list != SITE_UNLISTED)
		TAILQ_REMOVE(&all.lists[s->list], s, entry);
	if (which != SITE_UNLISTED)
		TAILQ_INSERT_TAIL(&all.lists[which], s, entry);
	s->list = which;
}

void
site_kick(struct site *s)
{
	if (s->list != SITE_TODO)
		list(s, SITE_TODO);
	event_active(&all.turn, EV_TIMEOUT, 0);
}

void
site_starve(struct site *s)
{
	list(s, SITE_HUNGRY);
}

bool
site_is_hungry(void)
{
	return !TAILQ_EMPTY(&all.lists[SITE_HUNGRY]);
}

void
site_feed(void)
{
	if (site_is_hungry())
		site_kick(TAILQ_FIRST(&all.lists[SITE_HUNGRY]));
}

void
site_release(struct site *s)
{
	s->holds--;
	site_kick(s);
}

/* ---- what waits --------------------------------------------------------- */

static bool
is_down(const struct site *s)
{
	return s->breaker.failures > 0;
}

size_t
site_limit(const struct site *s)
{
	size_t most = (size_t)s->master->conf.limits.per_destination;

	return is_down(s) ? 1 : s->breaker.limit < most ? s->breaker.limit :
	    most;
}

bool
site_is_closed(const struct site *s)
{
	return is_down(s) && (s->links > 0 ||
	    deadline_now_ms() < s->breaker.until_ms);
}

/* Does enough wait here for the connections of s? */
static bool
is_full(const struct site *s, size_t more)
{
	return s->waiting_count + more >= 2 * site_limit(s) + 8;
}

struct attempt_group *
site_next(struct site *s)
{
	struct attempt_group *g = TAILQ_FIRST(&s->waiting);

	if (g == NULL)
		return NULL;
	TAILQ_REMOVE(&s->waiting, g, entry);
	s->waiting_count--;
	g->waits = false;
	site_kick(s);
	return g;
}

void
site_return(struct attempt_group *g)
{
	TAILQ_INSERT_HEAD(&g->site->waiting, g, entry);
	g->site->waiting_count++;
	g->waits = true;
	site_kick(g->site);
}

void
site_withdraw(struct attempt_group *g)
{
	if (g->waits) {
		TAILQ_REMOVE(&g->site->waiting, g, entry);
		g->site->waiting_count--;
	}
	g->waits = false;
	site_kick(g->site);
	path_leave(g->path);
	g->site = NULL;
}

/* Who waits is told why. */
void
site_leave(struct attempt_group *g, bool waits)
{
	struct attempt *a = g->attempt;
	struct site *s = g->site;
	const struct queue_fact *f = waits && is_down(s) && s->last != NULL ?
	    attempt_keep(a, s->last) : NULL;

	if (waits && a->wait_for == NULL) {
		a->wait_for = s;
		a->failures = s->breaker.failures;
		s->holds++;
	}
	for (size_t i = 0; i < g->count; i++)
		if (g->first[i].fact == NULL)
			g->first[i].fact = f;
	site_withdraw(g);
	attempt_end_group(a);
}

/* ---- parked messages ---------------------------------------------------- */

void
site_park(struct site *s, struct queued *q)
{
	size_t max = s->parked_max == 0 ? 16 : s->parked_max, n = 0;
	struct queued **list = s->parked;

	if (s->parked_end == s->parked_max) {
		if (s->parked_count > max / 2)
			max *= 2;
		if (max != s->parked_max)
			list = reallocarray(list, max,
			    sizeof(struct queued *));
		if (list == NULL)
			return;
		for (size_t i = s->parked_first; i < s->parked_end; i++)
			if (list[i] != NULL) {
				list[i]->parked = (uint32_t)n;
				list[n++] = list[i];
			}
		s->parked = list;
		s->parked_max = max;
		s->parked_first = 0;
		s->parked_end = n;
	}
	q->work = s;
	q->parked = (uint32_t)s->parked_end;
	s->parked[s->parked_end++] = q;
	s->parked_count++;
	site_kick(s);
}

void
site_unpark(struct queued *q)
{
	struct site *s = q->work;

	q->work = NULL;
	s->parked[q->parked] = NULL;
	if (--s->parked_count == 0)
		s->parked_first = s->parked_end = 0;
	site_kick(s);
}

/* ---- time --------------------------------------------------------------- */

static bool
is_used(const struct site *s)
{
	return s->links > 0 || s->holds > 0 || s->waiting_count > 0 ||
	    s->parked_count > 0 || s->list != SITE_UNLISTED;
}

static void
free_site(struct site *s)
{
	tdelete(s, &all.tree, compare);
	TAILQ_REMOVE(&all.every, s, each);
	event_del(&s->timer);
	all.count--;
	free(s->last);
	free(s->parked);
	free(s);
}

static void
arm(struct site *s, int64_t ms)
{
	const struct timeval t = { .tv_sec = ms / 1000,
	    .tv_usec = ms % 1000 * 1000 };

	evtimer_add(&s->timer, &t);
}

/* Calls the message that has waited longest. */
static void
call(struct site *s)
{
	struct queued *q;

	while ((q = s->parked[s->parked_first]) == NULL)
		s->parked_first++;
	s->called++;
	site_unpark(q);
	all.due(s->master, q);
}

/*
 * What was called may have been removed, or have another way now: so somebody
 * is called again while nothing goes on here.  A site without work is
 * forgotten, with its limit.
 */
static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct site *s = arg;

	if (!is_used(s)) {
		if (is_down(s) && deadline_now_ms() < s->breaker.until_ms +
		    kept_down_s * 1000)
			arm(s, kept_down_s * 1000);
		else
			free_site(s);
		return;
	}
	if (s->links == 0 && s->waiting_count == 0)
		s->called = 0;
	if (is_down(s) && s->parked_count > 0 && s->links == 0 &&
	    !s->master->stopping) {
		call(s);
		arm(s, probe_s * 1000);
	}
	site_kick(s);
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	int64_t until_us = deadline_now_us() + turn_us;
	struct site *s;

	while ((s = TAILQ_FIRST(&all.lists[SITE_TODO])) != NULL) {
		if (deadline_now_us() >= until_us) {
			event_active(&all.turn, EV_TIMEOUT, 0);
			break;
		}
		list(s, SITE_UNLISTED);
		all.serve(s);
		while (s->parked_count > 0 && !s->master->stopping &&
		    !is_down(s) && !is_full(s, s->called))
			call(s);
		if (!is_used(s) && all.count > kept_max)
			free_site(s);
		else if (!is_used(s) ? !is_down(s) : s->parked_count > 0 &&
		    !evtimer_pending(&s->timer, NULL))
			arm(s, (is_used(s) ? refill_s : kept_s) * 1000);
	}
}

/* ---- the breaker -------------------------------------------------------- */

void
site_failed(struct site *s, const struct queue_fact *f)
{
	int64_t ms = reply_breaker_fail(&s->breaker, deadline_now_ms(),
	    attempt_pause_max_s(s->master) * 1000, 900 +
	    arc4random_uniform(201));

	if (ms == 0)
		return;
	if (s->last == NULL)
		s->last = malloc(sizeof(*s->last));
	if (s->last != NULL)
		*s->last = *f;
	arm(s, ms);
	queue_log_site(s->name, f, s->breaker.failures, (uint64_t)ms / 1000,
	    s->parked_count + s->waiting_count);
}

/* Its messages follow as it takes them, beginning with two connections. */
void
site_greeted(struct site *s)
{
	if (!is_down(s))
		return;
	reply_breaker_close(&s->breaker);
	s->called = 0;
	event_del(&s->timer);
	queue_log_site(s->name, NULL, 0, 0, s->parked_count +
	    s->waiting_count);
	site_kick(s);
}

/* ---- work --------------------------------------------------------------- */

struct site *
site_after(struct site *s)
{
	return s == NULL ? TAILQ_FIRST(&all.every) : TAILQ_NEXT(s, each);
}

struct site *
site_find(const struct path *p)
{
	struct site key, **found;

	memcpy(key.key, p->key, sizeof(key.key));
	found = tfind(&key, &all.tree, compare);
	return found == NULL ? NULL : *found;
}

/* The site that p leads to, perhaps a new one; NULL without memory. */
static struct site *
find_or_make(struct master *m, const struct path *p)
{
	struct site *s = site_find(p);

	if (s != NULL || (s = calloc(1, sizeof(*s))) == NULL)
		return s;
	memcpy(s->key, p->key, sizeof(s->key));
	strlcpy(s->name, p->hosts[0].name, sizeof(s->name));
	if (tsearch(s, &all.tree, compare) == NULL) {
		free(s);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&all.every, s, each);
	all.count++;
	s->master = m;
	reply_breaker_close(&s->breaker);
	TAILQ_INIT(&s->waiting);
	evtimer_assign(&s->timer, m->base, on_timer, s);
	return s;
}

void
site_add(struct master *m, struct path *p, struct attempt_group *g)
{
	struct site *s = find_or_make(m, p);

	if (s == NULL) {
		path_leave(p);
		attempt_end_group(g->attempt);
		return;
	}
	g->path = p;
	g->site = s;
	g->again = g->family = false;
	s->called -= s->called > 0;
	site_kick(s);
	if (site_is_closed(s) || is_full(s, 0) || m->stopping) {
		site_leave(g, true);
		return;
	}
	TAILQ_INSERT_TAIL(&s->waiting, g, entry);
	s->waiting_count++;
	g->waits = true;
}

void
site_start(struct master *m,
    void (*due)(struct master *m, struct queued *q),
    void (*serve)(struct site *s))
{
	all.due = due;
	all.serve = serve;
	TAILQ_INIT(&all.every);
	for (size_t i = 0; i < SITE_LISTS; i++)
		TAILQ_INIT(&all.lists[i]);
	event_assign(&all.turn, m->base, -1, 0, on_turn, m);
}
