/*
 * Sites: what waits, and connections for it.
 */
#include "server/mail/site.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "server/mail/queue_log.h"
#include "shared/deadline.h"
#include "shared/log.h"

enum {
	probe_s = 60,			/* a probe was called, and none came */
	refill_s = 5,
	kept_s = 10 * 60,		/* what is known of one without work */
	kept_down_s = 5 * 60 * 60,	/* if it is down; longer than a gap */
	kept_max = 10000,
	turn_us = 4 * 1000
};

TAILQ_HEAD(sites, site);

static struct {
	void		(*call)(struct master *m, struct site *s);
	void		*tree;		/* of sites, by key */
	struct sites	 lists[SITE_LISTS];
	size_t		 count;
	struct event	 turn;
	bool		 draining;
} all;

/* ---- sites -------------------------------------------------------------- */

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

/* s is looked at in this turn or the next. */
static void
kick(struct site *s)
{
	if (s->list != SITE_TODO)
		list(s, SITE_TODO);
	event_active(&all.turn, EV_TIMEOUT, 0);
}

static void
arm(struct site *s, int64_t ms)
{
	struct timeval t = { .tv_sec = (time_t)(ms / 1000),
	    .tv_usec = (suseconds_t)(ms % 1000 * 1000) };

	evtimer_add(&s->timer, &t);
}

void
site_hold(struct site *s)
{
	s->holds++;
}

void
site_release(struct site *s)
{
	s->holds--;
	kick(s);
}

/* ---- limits ------------------------------------------------------------- */

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

/* Enough work waits here for the connections of s. */
static bool
is_full(const struct site *s, size_t more)
{
	return s->waiting_count + more >= 2 * site_limit(s) + 8;
}

struct site_parked *
site_parked(struct site *s)
{
	kick(s);
	return &s->parked;
}

static void
call(struct site *s)
{
	s->called++;
	all.call(s->master, s);
}

static void
refill(struct site *s)
{
	while (s->parked.count > 0 && (!is_down(s) || s->breaker.refuses) &&
	    !all.draining &&
	    !is_full(s, s->called))
		call(s);
	if (s->parked.count > 0 && !evtimer_pending(&s->timer, NULL))
		arm(s, refill_s * 1000);
}

/* ---- the breaker -------------------------------------------------------- */

const struct link_try *
site_trouble(const struct site *s, unsigned *failures)
{
	*failures = s->breaker.failures;
	return is_down(s) ? &s->last : NULL;
}

int64_t
site_pause_max_s(const struct master *m)
{
	int64_t s = (int64_t)m->conf.relay.give_up_after_s / site_tries;

	return s < 1 ? 1 : s;
}

/* All addresses of all hosts failed.  Is that a failure for good? */
static bool
on_failed(void *arg, const struct link_try *t, unsigned kinds)
{
	struct site *s = arg;
	int64_t ms = reply_breaker_fail(&s->breaker, kinds, deadline_now_ms(),
	    site_pause_max_s(s->master) * 1000, 900 +
	    arc4random_uniform(201));

	if (ms > 0) {
		(void)path_enter(t->path);
		path_leave(s->last.path);
		s->outcome = *t->outcome;
		s->last = *t;
		s->last.outcome = &s->outcome;
		s->last.greeted = NULL;
		arm(s, ms);
		queue_log_site(s->name, &(struct queue_outcome){
		    .host = t->host, .outcome = t->outcome },
		    s->breaker.failures, (uint64_t)ms / 1000,
		    s->parked.count + s->waiting_count);
	}
	return s->breaker.refuses;
}

/* Its messages follow as it takes them, beginning with two connections. */
static void
on_greeted(void *arg)
{
	struct site *s = arg;

	if (!is_down(s))
		return;
	reply_breaker_close(&s->breaker);
	s->called = 0;
	event_del(&s->timer);
	queue_log_site(s->name, NULL, 0, 0, s->parked.count +
	    s->waiting_count);
	kick(s);
}

void
site_probe(struct site *s)
{
	s->breaker.until_ms = 0;
}

/* ---- time ---------------------------------------------------------------- */

static bool
is_used(const struct site *s)
{
	return s->links > 0 || s->holds > 0 || s->waiting_count > 0 ||
	    s->parked.count > 0 || s->list != SITE_UNLISTED;
}

static void
free_site(struct site *s)
{
	list(s, SITE_UNLISTED);
	tdelete(s, &all.tree, compare);
	event_del(&s->timer);
	all.count--;
	path_leave(s->last.path);
	free(s->parked.list);
	free(s->name);
	free(s);
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
	if (is_down(s) && s->parked.count > 0 && s->links == 0 &&
	    !all.draining) {
		call(s);
		arm(s, probe_s * 1000);
	}
	kick(s);
}

/* ---- connections -------------------------------------------------------- */

static void
on_pace(void *arg, bool more)
{
	struct site *s = arg;

	if (more)
		reply_breaker_take(&s->breaker,
		    (size_t)s->master->conf.limits.per_destination);
	else
		reply_breaker_halve(&s->breaker);
}

/* Takes w, which waits, out of its site. */
static void
take_out(struct link_work *w)
{
	TAILQ_REMOVE(&w->site->waiting, w, entry);
	w->site->waiting_count--;
	w->waits = false;
}

static struct link_work *
next_work(void *arg)
{
	struct site *s = arg;
	struct link_work *w = TAILQ_FIRST(&s->waiting);

	if (w != NULL) {
		take_out(w);
		kick(s);
	}
	return w;
}

/* Only the first connection is kept from a site that has none. */
static bool
keeps(void *arg, bool idle)
{
	const struct site *s = arg;

	return !all.draining && s->links <= site_limit(s) &&
	    (TAILQ_EMPTY(&all.lists[SITE_HUNGRY]) || (!idle && s->links == 1));
}

/* w, which is done, or has to wait for s, is no work of it any more. */
static void
leave(void *arg, struct link_work *w, bool waits)
{
	struct site *s = arg;

	if (waits && s->breaker.refuses) {
		w->sender->verdict(w->arg, link_all, REPLY_FAILED, &s->last);
		waits = false;
	}
	path_leave(w->path);
	w->site = NULL;
	w->sender->ended(w->arg, waits ? s : NULL);
}

static void
on_again(void *arg, struct link_work *w)
{
	struct site *s = arg;

	TAILQ_INSERT_HEAD(&s->waiting, w, entry);
	s->waiting_count++;
	w->waits = true;
}

static void
on_ended(void *arg)
{
	struct site *s = arg, *hungry = TAILQ_FIRST(&all.lists[SITE_HUNGRY]);

	s->links--;
	kick(s);
	if (hungry != NULL)
		kick(hungry);
}

static const struct link_owner link_owner = {
	.greeted = on_greeted,
	.pace = on_pace,
	.failed = on_failed,
	.next = next_work,
	.keeps = keeps,
	.done = leave,
	.again = on_again,
	.ended = on_ended
};

/* ---- work --------------------------------------------------------------- */

/* With an open breaker one is sent, after a pause: the probe. */
static bool
is_closed_to(const struct site *s)
{
	return is_down(s) && (s->links > 0 ||
	    deadline_now_ms() < s->breaker.until_ms);
}

static void
serve(struct site *s)
{
	struct link_work *w;

	while ((w = TAILQ_FIRST(&s->waiting)) != NULL && !all.draining) {
		if (is_closed_to(s)) {
			take_out(w);
			leave(s, w, true);
		} else if (link_wake(s))
			continue;
		else if (s->links >= site_limit(s))
			break;
		else if (link_count() < s->master->conf.limits.deliveries &&
		    (s->links == 0 || TAILQ_EMPTY(&all.lists[SITE_HUNGRY]))) {
			take_out(w);
			s->links++;
			link_begin(s->master, w, &link_owner, s);
		} else {
			list(s, SITE_HUNGRY);
			link_end_idle(false);
			break;
		}
	}
	refill(s);
	if (!is_used(s) && all.count > kept_max)
		free_site(s);
	else if (!is_used(s) && !is_down(s))
		arm(s, kept_s * 1000);
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
		serve(s);
	}
}

/* The site that p leads to, perhaps a new one; NULL without memory. */
static struct site *
find(struct master *m, const struct path *p)
{
	struct site *s = calloc(1, sizeof(*s)), **found;

	if (s == NULL || (s->name = strdup(p->hosts[0].name)) == NULL) {
		free(s);
		return NULL;
	}
	memcpy(s->key, p->key, sizeof(s->key));
	found = tsearch(s, &all.tree, compare);
	if (found == NULL || *found != s) {
		free(s->name);
		free(s);
		return found == NULL ? NULL : *found;
	}
	all.count++;
	s->master = m;
	reply_breaker_close(&s->breaker);
	TAILQ_INIT(&s->waiting);
	evtimer_assign(&s->timer, m->base, on_timer, s);
	return s;
}

void
site_send(struct master *m, struct path *p, struct link_work *w)
{
	static const struct ipc_outcome no_memory = { .stage = RELAY_CONNECT,
	    .end = RELAY_END_LOCAL };
	const struct link_try none = { .outcome = &no_memory, .host = "" };
	struct site *s = find(m, p);

	w->path = p;
	w->site = s;
	if (s == NULL) {
		w->sender->verdict(w->arg, link_all, REPLY_DEFERRED, &none);
		leave(s, w, false);
		return;
	}
	s->called -= s->called > 0;
	kick(s);
	if (is_closed_to(s) || is_full(s, 0) || all.draining) {
		leave(s, w, true);
		return;
	}
	TAILQ_INSERT_TAIL(&s->waiting, w, entry);
	s->waiting_count++;
	w->waits = true;
}

void
site_withdraw(struct link_work *w)
{
	kick(w->site);
	take_out(w);
	path_leave(w->path);
	w->site = NULL;
}

void
site_walk(void (*see)(const void *node, VISIT order, int depth))
{
	twalk(all.tree, see);
}

const struct site *
site_known(const struct path *p)
{
	struct site key, **found;

	memcpy(key.key, p->key, sizeof(key.key));
	found = tfind(&key, &all.tree, compare);
	return found == NULL ? NULL : *found;
}

void
site_drain(void)
{
	all.draining = true;
	link_end_idle(true);
}

void
site_start(struct master *m, void (*by)(struct master *m, struct site *s))
{
	all.call = by;
	for (size_t i = 0; i < SITE_LISTS; i++)
		TAILQ_INIT(&all.lists[i]);
	event_assign(&all.turn, m->base, -1, 0, on_turn, m);
	path_start();
}
