/* Sites: what is known of them, and what waits. */
#include "server/mail/site.h"

#include <stdlib.h>
#include <string.h>

#include "shared/deadline.h"

enum {
	called_ms = 30 * 1000,		/* a call may come to nothing */
	kept_ms = 10 * 60 * 1000,	/* what is known of one without work */
	kept_down_ms = 5 * 60 * 60 * 1000,	/* longer than a gap */
	kept_max = 10000,
	limit_first = 2,		/* connections */
	few_max = 4,			/* messages of a sender */
	senders_max = 1 << 14
};

static struct {
	void		(*due)(struct master *m, struct queued *q);
	void		(*serve)(struct site *s);
	RB_HEAD(sites, site) sites;	/* by key */
	size_t		 count;
	/* Messages that wait, by a hash of site and sender. */
	uint32_t	 senders[senders_max];
} all;

static int
compare(const struct site *a, const struct site *b)
{
	return memcmp(a->key, b->key, path_key_bytes);
}

RB_GENERATE_INTERNAL(sites, site, node, compare,
    static __attribute__((unused)))

void
site_kick(struct site *s)
{
	event_add(&s->look, &(struct timeval){ 0, 0 });
}

/* ---- what waits --------------------------------------------------------- */

bool
site_is_down(const struct site *s)
{
	return s->failures > 0;
}

size_t
site_limit(const struct site *s)
{
	size_t most = (size_t)s->master->conf.limits.per_destination;

	return site_is_down(s) ? 1 : s->limit < most ? s->limit : most;
}

/* One group is sent, after a pause: the probe. */
static bool
is_closed(const struct site *s)
{
	return site_is_down(s) && (s->links > 0 ||
	    deadline_now_ms() < s->until_ms);
}

size_t
site_waiting(const struct site *s)
{
	return s->lanes[0].parked_count + s->lanes[1].parked_count + s->ready;
}

/* Does enough wait in l for the connections of its site? */
static bool
is_full(const struct site_lane *l, size_t more)
{
	return l->waiting_count + more >= 2 * site_limit(l->site) + 8;
}

/* How many messages of the sender of q wait for s; or a few more. */
static uint32_t *
count_of(const struct site *s, const struct queued *q)
{
	return &all.senders[(q->sender ^ (uint32_t)s->key[0] << 8 ^
	    s->key[1]) % senders_max];
}

static struct site_lane *
lane_of(struct site *s, const struct queued *q)
{
	return &s->lanes[*count_of(s, q) >= few_max];
}

static void
take_out(struct attempt_group *g)
{
	TAILQ_REMOVE(&g->lane->waiting, g, entry);
	g->lane->waiting_count--;
	g->site->ready--;
	--*count_of(g->site, g->attempt->q);
	g->lane = NULL;
	site_kick(g->site);
}

struct attempt_group *
site_next(struct site *s)
{
	size_t lane = ++s->turn % 5 == 0;
	struct attempt_group *g = TAILQ_FIRST(&s->lanes[lane].waiting);

	if (g == NULL)
		g = TAILQ_FIRST(&s->lanes[1 - lane].waiting);
	if (g != NULL)
		take_out(g);
	return g;
}

void
site_withdraw(struct attempt_group *g)
{
	if (g->lane != NULL)
		take_out(g);
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
	const struct queue_fact *f = NULL;

	if (waits && site_is_down(s) && s->last != NULL)
		f = attempt_keep(a, s->last);
	if (waits && a->wait_for == NULL) {
		a->wait_for = s;
		a->failures = s->failures;
		s->holds++;
	}
	for (struct attempt_rcpt *r = g->first; r != NULL; r = r->next)
		if (r->fact == NULL)
			r->fact = f;
	site_withdraw(g);
	attempt_end_group(a);
}

/* ---- parked messages ---------------------------------------------------- */

void
site_park(struct site *s, struct queued *q)
{
	struct site_lane *l = q == NULL ? NULL : lane_of(s, q);

	s->holds--;
	site_kick(s);
	if (l == NULL || array_add(&l->parked, &l->parked_count, &q,
	    sizeof(struct queued *)) == NULL)
		return;
	++*count_of(s, q);
	q->work = l;
	q->parked = (uint32_t)l->parked_count - 1;
}

void
site_unpark(struct queued *q)
{
	struct site_lane *l = q->work;
	struct queued *last = l->parked[--l->parked_count];

	l->parked[q->parked] = last;
	last->parked = q->parked;
	--*count_of(l->site, q);
	q->work = NULL;
	site_kick(l->site);
}

/* Calls any of them: none waits for ever behind the others. */
static void
call(struct site_lane *l)
{
	struct queued *q = l->parked[arc4random_uniform(
	    (uint32_t)l->parked_count)];

	l->site->called++;
	site_unpark(q);
	all.due(l->site->master, q);
}

/* ---- time --------------------------------------------------------------- */

static bool
is_used(const struct site *s)
{
	return s->links > 0 || s->holds > 0 || s->is_hungry ||
	    site_waiting(s) > 0;
}

static void
free_site(struct site *s)
{
	RB_REMOVE(sites, &all.sites, s);
	event_del(&s->look);
	all.count--;
	free(s->last);
	free(s->lanes[0].parked);
	free(s->lanes[1].parked);
	free(s);
}

/*
 * Something has happened, or nothing for long: then nobody who was called comes
 * any more, and a site without work is forgotten.
 */
static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct site *s = arg;
	int64_t now = deadline_now_ms(), ms = called_ms;

	if (now >= s->look_ms)
		s->called = 0;
	if (!is_used(s) && (now >= s->look_ms || all.count > kept_max)) {
		free_site(s);
		return;
	}
	all.serve(s);
	for (struct site_lane *l = s->lanes; l < s->lanes + 2; l++)
		while (l->parked_count > 0 && !s->master->stopping &&
		    (site_is_down(s) ? s->called == 0 && !is_closed(s) :
		    !is_full(l, s->called)))
			call(l);
	if (!is_used(s))
		ms = site_is_down(s) ? kept_down_ms : kept_ms;
	else if (site_is_down(s) && now < s->until_ms)
		ms = s->until_ms - now;
	s->look_ms = now + ms;
	event_add(&s->look,
	    &(struct timeval){ ms / 1000, ms % 1000 * 1000 });
}

/* ---- the breaker -------------------------------------------------------- */

void
site_failed(struct site *s, const struct queue_fact *f)
{
	static const uint8_t minutes[] = { 5, 10, 20, 40, 60 };
	const int64_t now = deadline_now_ms(),
	    most_s = attempt_pause_max_s(s->master);
	int64_t pause_s = 60 * minutes[s->failures < 4 ? s->failures : 4];
	struct attempt_group *g;

	/* A connection from before. */
	if (site_is_down(s) && now < s->until_ms)
		return;
	pause_s = pause_s < most_s ? pause_s : most_s;
	s->until_ms = now + pause_s * (900 + arc4random_uniform(201));
	s->failures++;
	if (s->last == NULL)
		s->last = malloc(sizeof(*s->last));
	if (s->last != NULL)
		*s->last = *f;
	queue_log_site(s->name, f, s->failures,
	    (uint64_t)(s->until_ms - now) / 1000, site_waiting(s));
	while ((g = site_next(s)) != NULL)
		site_leave(g, true);
	site_kick(s);
}

void
site_greeted(struct site *s)
{
	if (!site_is_down(s))
		return;
	s->failures = 0;
	s->limit = limit_first;
	s->taken = s->called = 0;
	queue_log_site(s->name, NULL, 0, 0, site_waiting(s));
	site_kick(s);
}

void
site_pace(struct site *s, bool slower)
{
	if (!slower && (++s->taken < s->limit ||
	    s->limit >= (size_t)s->master->conf.limits.per_destination))
		return;
	s->limit = !slower ? s->limit + 1 : s->limit > 1 ? s->limit / 2 : 1;
	s->taken = 0;
}

/* ---- work --------------------------------------------------------------- */

struct site *
site_find(const struct path *p)
{
	struct site key;

	memcpy(key.key, p->key, sizeof(key.key));
	return RB_FIND(sites, &all.sites, &key);
}

static struct site *
find_or_make(struct master *m, const struct path *p)
{
	struct site *s = site_find(p);

	if (s != NULL || (s = calloc(1, sizeof(*s))) == NULL)
		return s;
	memcpy(s->key, p->key, sizeof(s->key));
	strlcpy(s->name, p->hosts[0].name, sizeof(s->name));
	RB_INSERT(sites, &all.sites, s);
	all.count++;
	s->master = m;
	s->limit = limit_first;
	for (struct site_lane *l = s->lanes; l < s->lanes + 2; l++) {
		l->site = s;
		TAILQ_INIT(&l->waiting);
	}
	evtimer_assign(&s->look, m->base, on_look, s);
	return s;
}

/*
 * Is another domain of the message on its way to s?  Then g is sent with it, in
 * one transaction (RFC 5321 4.5.4.1); but what a "via" names stays apart.
 */
static bool
join(const struct site *s, struct attempt_group *g)
{
	struct attempt_group *o = g->attempt->groups;
	size_t n = g->attempt->group_count;

	for (; n > 0 && (o->site != s || o->written || g->written); o++)
		n--;
	if (n > 0) {
		o->last->next = g->first;
		o->last = g->last;
	}
	return n > 0;
}

void
site_add(struct master *m, struct path *p, struct attempt_group *g)
{
	struct site *s = find_or_make(m, p);
	struct site_lane *l;

	if (s == NULL || join(s, g)) {
		path_leave(p);
		attempt_end_group(g->attempt);
		return;
	}
	g->path = p;
	g->site = s;
	s->called -= s->called > 0;
	site_kick(s);
	l = lane_of(s, g->attempt->q);
	if (is_closed(s) || is_full(l, 0) || m->stopping) {
		site_leave(g, true);
		return;
	}
	TAILQ_INSERT_TAIL(&l->waiting, g, entry);
	l->waiting_count++;
	s->ready++;
	++*count_of(s, g->attempt->q);
	g->lane = l;
}

static bool
is_worse(const struct site *a, const struct site *b)
{
	return site_is_down(a) != site_is_down(b) ? site_is_down(a) :
	    site_waiting(a) > site_waiting(b);
}

size_t
site_worst(struct site_count *count, const struct site **worst, size_t max)
{
	struct site *s;
	size_t n = 0, at;

	*count = (struct site_count){ .sites = all.count };
	RB_FOREACH(s, sites, &all.sites) {
		count->down += site_is_down(s);
		count->waiting += site_waiting(s);
		count->links += s->links;
		if (!site_is_down(s) && site_waiting(s) == 0)
			continue;
		for (at = n; at > 0 && is_worse(s, worst[at - 1]); at--)
			if (at < max)
				worst[at] = worst[at - 1];
		if (at < max)
			worst[at] = s;
		n += n < max;
	}
	return n;
}

void
site_start(struct master *m,
    void (*due)(struct master *m, struct queued *q),
    void (*serve)(struct site *s))
{
	all.due = due;
	all.serve = serve;
}
