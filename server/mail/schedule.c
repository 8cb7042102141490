/*
 * Queued messages in a heap by the time when they are due.  What is due is
 * begun in pieces: however many there are, nobody else waits for them.
 */
#include "server/mail/schedule.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/log/log_message.h"
#include "server/mail/attempt.h"
#include "server/mail/relay.h"
#include "server/mail/site.h"
#include "shared/deadline.h"
#include "shared/log.h"

enum {
	piece_us = 4 * 1000,		/* no message is begun after that */
	gap_most_s = 4 * 60 * 60,
	groups_max = 20000		/* on their way, or waiting */
};

/* q->heap of a message that an attempt has. */
static const uint32_t nowhere = UINT32_MAX;

struct schedule {
	struct queued	**heap;		/* [0] is due first */
	size_t		  count;
	size_t		  max;
	struct event	  second;
	struct event	  turn;
	bool		  draining;
	bool		  paused;	/* that was logged */
};

/* ---- the heap ----------------------------------------------------------- */

static void
put(struct schedule *s, struct queued *q, size_t at)
{
	s->heap[at] = q;
	q->heap = (uint32_t)at;
}

static void
sift_up(struct schedule *s, struct queued *q)
{
	size_t at = q->heap;

	for (; at > 0 && s->heap[(at - 1) / 2]->next_s > q->next_s;
	    at = (at - 1) / 2)
		put(s, s->heap[(at - 1) / 2], at);
	put(s, q, at);
}

static void
sift_down(struct schedule *s, struct queued *q)
{
	size_t at = q->heap, child;

	for (; (child = 2 * at + 1) < s->count; at = child) {
		if (child + 1 < s->count && s->heap[child + 1]->next_s <
		    s->heap[child]->next_s)
			child++;
		if (s->heap[child]->next_s >= q->next_s)
			break;
		put(s, s->heap[child], at);
	}
	put(s, q, at);
}

/* Takes q, which is in the heap, out of it. */
static void
take_out(struct schedule *s, struct queued *q)
{
	struct queued *last = s->heap[--s->count];

	if (last != q) {
		put(s, last, q->heap);
		sift_up(s, last);
		sift_down(s, last);
	}
	q->heap = nowhere;
}

static bool
is_in(const struct schedule *s, const struct queued *q)
{
	return q->heap != nowhere;
}

static void
put_in(struct schedule *s, struct queued *q)
{
	put(s, q, s->count++);
	sift_up(s, q);
}

/* ---- parked messages ---------------------------------------------------- */

/*
 * A message that has to wait for its site stays in the heap, for its age is to
 * be looked at, and costs eight octets more.  As many are called back as can be
 * sent, so that thousands for one site take no memory and no time of others.
 */
static bool
has_space(struct site_parked *p)
{
	size_t max = p->max == 0 ? 16 : p->max, n = 0;
	struct queued **list = p->list;

	if (p->end < p->max)
		return true;
	if (p->count > max / 2)
		max *= 2;
	if (max != p->max)
		list = reallocarray(p->list, max, sizeof(*list));
	if (list == NULL)
		return false;
	for (size_t i = p->first; i < p->end; i++)
		if (list[i] != NULL) {
			list[i]->parked = (uint32_t)n;
			list[n++] = list[i];
		}
	*p = (struct site_parked){ .list = list, .max = max, .end = n,
	    .count = n };
	return true;
}

/* Without memory for that, q waits for its time. */
static void
park(struct site *s, struct queued *q)
{
	struct site_parked *p = site_parked(s);

	if (!has_space(p))
		return;
	q->work = s;
	q->parked = (uint32_t)p->end;
	p->list[p->end++] = q;
	p->count++;
}

static void
unpark(struct queued *q)
{
	struct site *s = q->work;
	struct site_parked *p = site_parked(s);

	q->work = NULL;
	p->list[q->parked] = NULL;
	if (--p->count == 0)
		p->first = p->end = 0;
}

/* ---- due messages ------------------------------------------------------- */

static void
wake(struct schedule *s)
{
	event_active(&s->turn, EV_TIMEOUT, 0);
}

/* Messages that are held wait, too, but nothing is done with them. */
static void
begin(struct master *m, struct queued *q)
{
	if (q->work != NULL)
		unpark(q);
	take_out(m->schedule, q);
	if (q->state & QUEUED_HELD) {
		q->next_s = queue_now_s(m) + gap_most_s;
		put_in(m->schedule, q);
	} else
		attempt_begin(m, q);
}

/*
 * Begins what is due, and goes on in the next turn.  Without a relay block all
 * of it waits, for as long as it takes.
 */
static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;
	struct schedule *s = m->schedule;
	int64_t until_us = deadline_now_us() + piece_us, now = queue_now_s(m);

	while (!s->draining && m->conf.relay.line != 0 && s->count > 0 &&
	    s->heap[0]->next_s <= now && attempt_groups() < groups_max) {
		if (deadline_now_us() >= until_us) {
			wake(s);
			break;
		}
		begin(m, s->heap[0]);
	}
}

static void
on_second(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;
	struct schedule *s = m->schedule;
	bool paused = m->conf.relay.line == 0 && s->count > 0;

	if (paused && !s->paused)
		log_put(LOG_LEVEL_WARNING, "queue-paused", "messages=%zu "
		    "then=%s", s->count, "they wait for a relay block in "
		    "smtpd.conf, and none is given up");
	s->paused = paused;
	if (m->log->n > 0 && log_message_flush(m->log) == -1)
		log_error("write", "log/message", errno);
	wake(s);
}

/* An attempt has ended; a site that can take q now has it begun before. */
static void
on_later(struct master *m, struct queued *q, struct site *wait_for)
{
	put_in(m->schedule, q);
	if (wait_for != NULL)
		park(wait_for, q);
}

static void
make_due(struct master *m, struct queued *q)
{
	take_out(m->schedule, q);
	q->next_s = queue_now_s(m);
	put_in(m->schedule, q);
	wake(m->schedule);
}

/* The one that has waited for s longest. */
static void
on_call(struct master *m, struct site *s)
{
	struct site_parked *p = site_parked(s);
	struct queued *q;

	while (p->list[p->first] == NULL)
		p->first++;
	q = p->list[p->first];
	unpark(q);
	make_due(m, q);
}

/* ---- for others --------------------------------------------------------- */

int
schedule_start(struct master *m)
{
	const struct timeval period = { 1, 0 };
	struct schedule *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -1;
	m->schedule = s;
	event_assign(&s->turn, m->base, -1, 0, on_turn, m);
	event_assign(&s->second, m->base, -1, EV_PERSIST, on_second, m);
	site_start(m, on_call);
	attempt_start(on_later);
	return event_add(&s->second, &period);
}

/*
 * Its time may be that of a clock that was wrong: it is not years ahead.
 * Without memory for its place the file stays, and the next start finds it.
 */
void
schedule_add(struct master *m, struct queued *q)
{
	struct schedule *s = m->schedule;
	size_t max = s->max == 0 ? 256 : s->max * 2;
	int64_t now = queue_now_s(m);
	struct queued **heap;

	/* Those that are begun come back. */
	if (s->max < queue_count(m)->messages + 1) {
		heap = reallocarray(s->heap, max, sizeof(*heap));
		if (heap == NULL) {
			log_error("a queued message is left until the next "
			    "start", "spool/queue", errno);
			queue_forget(m, q);
			return;
		}
		s->heap = heap;
		s->max = max;
	}
	if (q->next_s > now + gap_most_s)
		q->next_s = now + gap_most_s;
	put_in(s, q);
	if (q->next_s <= now)
		wake(s);
}

bool
schedule_is_busy(const struct master *m, const struct queued *q)
{
	return !is_in(m->schedule, q);
}

void
schedule_retry(struct master *m, struct queued *q)
{
	if (!is_in(m->schedule, q))
		return;
	if (q->work != NULL)
		site_probe(q->work);
	make_due(m, q);
}

void
schedule_remove(struct master *m, struct queued *q)
{
	if (!is_in(m->schedule, q)) {
		attempt_remove(q->work);
		return;
	}
	if (q->work != NULL)
		unpark(q);
	take_out(m->schedule, q);
	queue_remove(m, q);
}

bool
schedule_drain(struct master *m)
{
	if (!m->schedule->draining) {
		m->schedule->draining = true;
		site_drain();
		relay_drain(m);
	}
	return relay_count(m) == 0;
}

/* ---- for smtpctl -------------------------------------------------------- */

static struct {
	struct schedule_count	*count;
	struct schedule_site	*out;
	size_t			 n, max;
} looking;

static void
tell(const struct site *s, struct schedule_site *out)
{
	const int64_t left_ms = s->breaker.until_ms - deadline_now_ms();

	memset(out, 0, sizeof(*out));
	snprintf(out->name, sizeof(out->name), "%s", s->name);
	out->waiting = s->parked.count + s->waiting_count;
	out->links = s->links;
	out->links_max = site_limit(s);
	out->closed = s->breaker.failures > 0;
	out->probe_ms = out->closed && left_ms > 0 ? left_ms : 0;
	out->has_failed = out->closed && s->last.path != NULL;
	if (out->has_failed)
		out->failure = s->outcome;
}

static bool
is_worse(const struct schedule_site *a, const struct schedule_site *b)
{
	return a->closed != b->closed ? a->closed : a->waiting > b->waiting;
}

static void
look(const void *node, VISIT order, int depth)
{
	const struct site *s = *(struct site *const *)node;
	struct schedule_site one;
	size_t i = looking.n;

	if (order != postorder && order != leaf)
		return;
	tell(s, &one);
	looking.count->sites++;
	looking.count->closed += one.closed;
	looking.count->waiting += one.waiting;
	looking.count->links += one.links;
	if (!one.closed && one.waiting == 0)
		return;
	while (i > 0 && is_worse(&one, &looking.out[i - 1]))
		i--;
	if (i == looking.max)
		return;
	looking.n += looking.n < looking.max;
	memmove(&looking.out[i + 1], &looking.out[i],
	    (looking.n - 1 - i) * sizeof(one));
	looking.out[i] = one;
}

size_t
schedule_worst(struct schedule_count *count, struct schedule_site *out, size_t max)
{
	memset(count, 0, sizeof(*count));
	looking.count = count;
	looking.out = out;
	looking.n = 0;
	looking.max = max;
	site_walk(look);
	return looking.n;
}

bool
schedule_site(const struct path *p, struct schedule_site *out)
{
	const struct site *s = site_known(p);

	if (s != NULL)
		tell(s, out);
	return s != NULL;
}
