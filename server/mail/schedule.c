/*
 * Queued messages in a heap by the time when they are due.  What is due is
 * begun in pieces: however many there are, nobody else waits for them.
 *
 * Three clocks.  Of this run: wall time at the start, and the monotonic clock
 * from there, which a step of the wall clock does not change.  The wall clock.
 * And that of next_s: it follows a step ahead, when messages are due early,
 * but never goes back, or they would wait for years.
 */
#include "server/mail/schedule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shared/deadline.h"
#include "shared/log.h"

enum {
	piece_us = 4 * 1000,		/* no message is begun after that */
	gap_max_s = 4 * 60 * 60
};

struct schedule {
	struct queued	**heap;		/* [0] is due first */
	size_t		  count;
	size_t		  max;
	struct event	  second;
	struct event	  turn;
	int64_t		  start_s;	/* wall clock */
	int64_t		  start_ms;	/* monotonic */
	int64_t		  ahead_s;	/* wall over monotonic, at most */
	bool		  draining;
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

	if (last == q)
		return;
	put(s, last, q->heap);
	sift_up(s, last);
	sift_down(s, last);
}

static void
put_in(struct schedule *s, struct queued *q)
{
	put(s, q, s->count++);
	sift_up(s, q);
}

/* ---- time --------------------------------------------------------------- */

/* Of this run, by the monotonic clock. */
static int64_t
run_s(const struct schedule *s)
{
	return s->start_s + (deadline_now_ms() - s->start_ms) / 1000;
}

/* The clock of next_s. */
static int64_t
now_s(struct schedule *s)
{
	int64_t ahead = (int64_t)time(NULL) - run_s(s);

	if (ahead > s->ahead_s)
		s->ahead_s = ahead;
	return run_s(s) + s->ahead_s;
}

/* ---- due messages ------------------------------------------------------- */

/* Begins what is due, and goes on in the next turn. */
static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;
	struct schedule *s = m->schedule;
	int64_t until_us = deadline_now_us() + piece_us, now = now_s(s);
	struct queued *q;

	while (!s->draining && s->count > 0 && s->heap[0]->next_s <= now) {
		if (deadline_now_us() >= until_us) {
			event_active(&s->turn, EV_TIMEOUT, 0);
			return;
		}
		q = s->heap[0];
		take_out(s, q);
		q->next_s = now + gap_max_s;
		put_in(s, q);
	}
}

static void
on_second(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;

	event_active(&m->schedule->turn, EV_TIMEOUT, 0);
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
	s->start_s = (int64_t)time(NULL);
	s->start_ms = deadline_now_ms();
	event_assign(&s->turn, m->base, -1, 0, on_turn, m);
	event_assign(&s->second, m->base, -1, EV_PERSIST, on_second, m);
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
	struct queued **heap;

	if (s->count == s->max) {
		heap = reallocarray(s->heap, max, sizeof(*heap));
		if (heap == NULL) {
			log_error("a queued message is left until the next "
			    "start", "spool/queue", errno);
			return;
		}
		s->heap = heap;
		s->max = max;
	}
	if (q->next_s > now_s(s) + gap_max_s)
		q->next_s = now_s(s) + gap_max_s;
	put_in(s, q);
	if (q->next_s <= now_s(s))
		event_active(&s->turn, EV_TIMEOUT, 0);
}

void
schedule_retry(struct master *m, struct queued *q)
{
	struct schedule *s = m->schedule;

	if (q->work != NULL)
		return;
	take_out(s, q);
	q->next_s = now_s(s);
	put_in(s, q);
	event_active(&s->turn, EV_TIMEOUT, 0);
}

bool
schedule_drain(struct master *m)
{
	m->schedule->draining = true;
	return true;
}
