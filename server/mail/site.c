/*
 * Sites: breakers, limits, and what waits.
 *
 * A message that has to wait is parked: it goes back into the heap of
 * schedule.c, and costs eight octets here.  As many are called back as can be
 * sent, so that thousands for one site take no memory and no time of others.
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
	limit_first = 2,		/* connections */
	refused_s = 30 * 60,		/* between two rounds */
	probe_s = 60,			/* a probe was called, and none came */
	refill_s = 5,
	kept_s = 10 * 60,		/* what is known of one without work */
	kept_max = 10000,
	turn_us = 4 * 1000
};

/* How long the breaker stays open, in minutes. */
static const unsigned pauses_min[] = { 5, 10, 20, 40, 60 };

TAILQ_HEAD(works, link_work);
TAILQ_HEAD(sites, site);

/* Where a site is listed. */
enum site_list {
	SITE_UNLISTED,
	SITE_TODO,		/* to be served */
	SITE_HUNGRY,		/* until there is a connection less */
	SITE_LISTS
};

/* Why the breaker is open. */
struct trouble {
	struct ipc_outcome	outcome;
	struct link_try		last;
};

struct site {
	uint8_t		 key[path_key_bytes];
	char		*name;		/* of a host */
	struct master	*master;
	TAILQ_ENTRY(site) entry;
	enum site_list	 list;
	size_t		 holds;
	size_t		 links;		/* connections */
	size_t		 limit;		/* of them */
	size_t		 successes;	/* since limit was changed */
	struct works	 waiting;
	size_t		 waiting_count;
	unsigned	 failures;	/* in a row: the breaker is open */
	bool		 refuses;	/* that is final */
	int64_t		 until_ms;	/* no probe before that */
	int64_t		 refused_ms;	/* all refused first; or 0 */
	struct trouble	*trouble;	/* with failures; or NULL */
	struct event	 timer;
	struct site_parked parked;
	size_t		 called;	/* from there, not here yet */
};

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
site_look(struct site *s)
{
	kick(s);
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
	return s->failures > 0;
}

static size_t
limit_of(const struct site *s)
{
	size_t most = (size_t)s->master->conf.limits.per_destination;

	return is_down(s) ? 1 : s->limit < most ? s->limit : most;
}

static size_t
waiting_max(const struct site *s)
{
	return 2 * limit_of(s) + 8;
}

struct site_parked *
site_parked(struct site *s)
{
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
	while (s->parked.count > 0 && (!is_down(s) || s->refuses) &&
	    !all.draining &&
	    s->waiting_count + s->called < waiting_max(s))
		call(s);
	if (s->parked.count > 0 && !evtimer_pending(&s->timer, NULL))
		arm(s, refill_s * 1000);
}

/* ---- the breaker -------------------------------------------------------- */

unsigned
site_failures(const struct site *s)
{
	return s->failures;
}

const struct link_try *
site_trouble(const struct site *s)
{
	return s->trouble == NULL ? NULL : &s->trouble->last;
}

static void
forget_trouble(struct site *s)
{
	if (s->trouble == NULL)
		return;
	path_leave(s->trouble->last.path);
	free(s->trouble);
	s->trouble = NULL;
}

static void
note_trouble(struct site *s, const struct link_try *t)
{
	struct trouble *new = malloc(sizeof(*new));

	forget_trouble(s);
	if (new == NULL)
		return;
	new->outcome = *t->outcome;
	new->last = *t;
	new->last.outcome = &new->outcome;
	new->last.greeted = NULL;
	(void)path_enter(t->path);
	s->trouble = new;
}

static void
halve(struct site *s)
{
	s->limit = s->limit > 1 ? s->limit / 2 : 1;
	s->successes = 0;
}

/*
 * All addresses of all hosts failed.  Connections that were on their way at the
 * same time tell nothing new.  Refusals are final by 521 (RFC 7504), or when
 * they are the same half an hour later.
 */
static bool
on_failed(void *arg, const struct link_try *t, unsigned kinds)
{
	const unsigned refusing = 1U << REPLY_REFUSES | 1U << REPLY_NO_MAIL;
	const size_t count = sizeof(pauses_min) / sizeof(pauses_min[0]);
	struct site *s = arg;
	int64_t now = deadline_now_ms(), most_s = site_pause_max_s(s->master);
	int64_t ms;

	halve(s);
	if (is_down(s) && now < s->until_ms)
		return s->refuses;
	note_trouble(s, t);
	if (kinds & ~refusing)
		s->refused_ms = 0;
	else if (s->refused_ms == 0)
		s->refused_ms = now;
	s->refuses = kinds == 1U << REPLY_NO_MAIL ||
	    (s->refused_ms != 0 && now - s->refused_ms >=
	    (most_s < refused_s ? most_s : refused_s) * 1000);
	ms = (int64_t)pauses_min[s->failures < count ? s->failures :
	    count - 1] * 60;
	ms = (ms < most_s ? ms : most_s) *
	    (900 + (int64_t)arc4random_uniform(201));
	s->failures++;
	s->until_ms = now + ms;
	arm(s, ms);
	queue_log_site(s->name, &(struct queue_outcome){ .host = t->host,
	    .outcome = t->outcome }, s->failures, (uint64_t)ms / 1000,
	    s->parked.count + s->waiting_count);
	return s->refuses;
}

/* Its messages follow as it takes them, beginning with two connections. */
static void
on_greeted(void *arg)
{
	struct site *s = arg;

	if (!is_down(s))
		return;
	s->failures = 0;
	s->refused_ms = 0;
	s->refuses = false;
	s->limit = limit_first;
	s->called = 0;
	forget_trouble(s);
	event_del(&s->timer);
	queue_log_site(s->name, NULL, 0, 0, s->parked.count +
	    s->waiting_count);
	kick(s);
}

int64_t
site_pause_max_s(const struct master *m)
{
	int64_t s = (int64_t)m->conf.relay.give_up_after_s / site_tries;

	return s < 1 ? 1 : s;
}

void
site_probe(struct site *s)
{
	s->until_ms = 0;
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
	forget_trouble(s);
	free(s->parked.list);
	free(s->name);
	free(s);
}

/*
 * What was called may have been removed, or have another way now: so somebody
 * is called again while nothing goes on here.  A site without work is
 * forgotten, with its limit; one that is down, when it may be tried again.
 */
static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct site *s = arg;

	if (!is_used(s)) {
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
on_taken(void *arg)
{
	struct site *s = arg;

	if (++s->successes < s->limit ||
	    s->limit >= s->master->conf.limits.per_destination)
		return;
	s->limit++;
	s->successes = 0;
}

static void
on_slower(void *arg)
{
	halve(arg);
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

/* An idle connection is given up for a site that lacks one. */
static bool
keeps(void *arg, bool idle)
{
	const struct site *s = arg;

	return !all.draining && s->links <= limit_of(s) &&
	    (!idle || TAILQ_EMPTY(&all.lists[SITE_HUNGRY]));
}

/* w, which is done, or has to wait for s, is no work of it any more. */
static void
leave(struct site *s, struct link_work *w, bool waits)
{
	if (waits && s->refuses && s->trouble != NULL) {
		w->sender->verdict(w->arg, link_all, REPLY_FAILED,
		    &s->trouble->last);
		waits = false;
	}
	path_leave(w->path);
	w->path = NULL;
	w->site = NULL;
	w->sender->ended(w->arg, waits ? s : NULL);
}

static void
on_done(void *arg, struct link_work *w, bool waits)
{
	leave(arg, w, waits);
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
	.taken = on_taken,
	.slower = on_slower,
	.failed = on_failed,
	.next = next_work,
	.keeps = keeps,
	.done = on_done,
	.again = on_again,
	.ended = on_ended
};

/* ---- work --------------------------------------------------------------- */

/* With an open breaker one is sent, after a pause: the probe. */
static bool
is_closed_to(const struct site *s)
{
	return is_down(s) && (s->links > 0 ||
	    deadline_now_ms() < s->until_ms);
}

/* Begins a connection for the work that has waited longest. */
static bool
begin(struct site *s)
{
	struct link_work *w = TAILQ_FIRST(&s->waiting);

	take_out(w);
	s->links++;
	if (link_begin(s->master, w, &link_owner, s))
		return true;
	s->links--;
	leave(s, w, true);
	return false;
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
		else if (s->links >= limit_of(s))
			break;
		else if (link_count() < s->master->conf.limits.deliveries)
			(void)begin(s);
		else {
			list(s, SITE_HUNGRY);
			link_end_idle(false);
			break;
		}
	}
	refill(s);
	if (!is_used(s) && !is_down(s))
		arm(s, kept_s * 1000);
	if (!is_used(s) && all.count > kept_max)
		free_site(s);
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
	s->limit = limit_first;
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
	if (is_closed_to(s) || s->waiting_count >= waiting_max(s) ||
	    all.draining) {
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
	w->path = NULL;
	w->site = NULL;
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
