/*
 * Queued messages in a heap by the time when they are due.  What is due is
 * begun in pieces: however many there are, nobody else waits for them.
 */
#include "server/mail/schedule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/log/log_message.h"
#include "server/mail/link.h"
#include "server/mail/relay.h"
#include "server/mail/way.h"
#include "shared/deadline.h"
#include "shared/log.h"

enum {
	piece_us = 4 * 1000,		/* no message is begun after that */
	gap_most_s = 4 * 60 * 60,
	again_s = 5 * 60,		/* without memory */
	begun_max = 10000		/* attempts */
};

/* q->heap of a message that an attempt has. */
static const uint32_t nowhere = UINT32_MAX;

struct schedule {
	struct queued	**heap;		/* [0] is due first */
	size_t		  count;
	size_t		  max;
	struct event	  second;
	struct event	  turn;
	size_t		  begun;	/* attempts */
	bool		  paused;	/* that was logged */
	bool		  drains;
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

static void
put_in(struct schedule *s, struct queued *q)
{
	put(s, q, s->count++);
	sift_up(s, q);
}

static void
make_due(struct master *m, struct queued *q)
{
	take_out(m->schedule, q);
	q->next_s = queue_now_s(m);
	put_in(m->schedule, q);
	event_active(&m->schedule->turn, EV_TIMEOUT, 0);
}

/* ---- due messages ------------------------------------------------------- */

/* q waits for its time, or for its site; or leaves the queue. */
static void
on_end(struct attempt *a, bool over)
{
	struct master *m = a->master;
	struct queued *q = a->q;

	m->schedule->begun--;
	q->work = NULL;
	if (over && a->lost)
		queue_forget(m, q);
	else if (over)
		queue_remove(m, q);
	else {
		put_in(m->schedule, q);
		if (a->wait_for != NULL)
			site_park(a->wait_for, q);
	}
	if (a->wait_for != NULL)
		site_release(a->wait_for);
	if (m->schedule->begun == begun_max - 1)
		event_active(&m->schedule->turn, EV_TIMEOUT, 0);
}

/* Without a relay block all of it waits, for as long as it takes. */
static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;
	struct schedule *s = m->schedule;
	int64_t until_us = deadline_now_us() + piece_us, now = queue_now_s(m);
	struct queued *q;

	while (!m->stopping && m->conf.relay.line != 0 && s->count > 0 &&
	    (q = s->heap[0])->next_s <= now && s->begun < begun_max) {
		if (deadline_now_us() >= until_us) {
			event_active(&s->turn, EV_TIMEOUT, 0);
			break;
		}
		if (q->work != NULL)
			site_unpark(q);
		take_out(s, q);
		if (q->state & QUEUED_HELD) {
			q->next_s = now + gap_most_s;
			put_in(s, q);
			continue;
		}
		s->begun++;
		if (!way_begin(m, q)) {
			s->begun--;
			q->next_s = now + again_s;
			put_in(s, q);
		}
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
	event_active(&s->turn, EV_TIMEOUT, 0);
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
	site_start(m, make_due, link_serve);
	attempt_start(on_end);
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
		heap = reallocarray(s->heap, max,
		    sizeof(struct queued *));
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
		event_active(&s->turn, EV_TIMEOUT, 0);
}

void
schedule_retry(struct master *m, struct queued *q)
{
	if (q->heap == nowhere)
		return;
	if (q->work != NULL)
		((struct site *)q->work)->breaker.until_ms = 0;
	make_due(m, q);
}

void
schedule_remove(struct master *m, struct queued *q)
{
	if (q->heap == nowhere) {
		way_forget(q->work);
		return;
	}
	if (q->work != NULL)
		site_unpark(q);
	take_out(m->schedule, q);
	queue_remove(m, q);
}

bool
schedule_is_busy(const struct master *m, const struct queued *q)
{
	return q->heap == nowhere;
}

bool
schedule_drain(struct master *m)
{
	if (!m->schedule->drains) {
		m->schedule->drains = true;
		link_end_idle(true);
		relay_drain(m);
	}
	return relay_count(m) == 0;
}

/* ---- for smtpctl --------------------------------------------------------- */

static void
tell(const struct site *s, struct schedule_site *out)
{
	const int64_t left_ms = s->breaker.until_ms - deadline_now_ms();

	*out = (struct schedule_site){
	    .waiting = s->parked_count + s->waiting_count,
	    .links = s->links, .links_max = site_limit(s),
	    .closed = s->breaker.failures > 0 };
	strlcpy(out->name, s->name, sizeof(out->name));
	out->probe_ms = out->closed && left_ms > 0 ? left_ms : 0;
	out->has_failed = out->closed && s->last != NULL;
	if (out->has_failed)
		out->failure = s->last->fact.outcome;
}

static bool
is_worse(const struct schedule_site *a, const struct schedule_site *b)
{
	return a->closed != b->closed ? a->closed : a->waiting > b->waiting;
}

size_t
schedule_worst(struct schedule_count *count, struct schedule_site *out,
    size_t max)
{
	struct schedule_site one;
	struct site *s = NULL;
	size_t n = 0, at;

	memset(count, 0, sizeof(*count));
	while ((s = site_after(s)) != NULL) {
		tell(s, &one);
		count->sites++;
		count->closed += one.closed;
		count->waiting += one.waiting;
		count->links += one.links;
		if (!one.closed && one.waiting == 0)
			continue;
		for (at = n; at > 0 && is_worse(&one, &out[at - 1]); at--)
			if (at < max)
				out[at] = out[at - 1];
		if (at < max)
			out[at] = one;
		n += n < max;
	}
	return n;
}

bool
schedule_site(const struct path *p, struct schedule_site *out)
{
	const struct site *s = site_find(p);

	if (s != NULL)
		tell(s, out);
	return s != NULL;
}
