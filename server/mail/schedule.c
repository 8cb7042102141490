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

static struct {
	struct queued	**heap;		/* [0] is due first */
	size_t		  count;
	size_t		  max;
	struct event	  second;
	struct event	  turn;
	size_t		  begun;	/* attempts */
	bool		  paused;	/* that was logged */
	bool		  drains;
} due;

/* After others, for this is a timer. */
static void
turn_soon(void)
{
	static const struct timeval at_once = { 0, 0 };

	evtimer_add(&due.turn, &at_once);
}

/* ---- the heap ----------------------------------------------------------- */

static void
put(struct queued *q, size_t at)
{
	due.heap[at] = q;
	q->heap = (uint32_t)at;
}

static void
sift_up(struct queued *q)
{
	size_t at = q->heap;

	for (; at > 0 && due.heap[(at - 1) / 2]->next_s > q->next_s;
	    at = (at - 1) / 2)
		put(due.heap[(at - 1) / 2], at);
	put(q, at);
}

static void
sift_down(struct queued *q)
{
	size_t at = q->heap, child;

	for (; (child = 2 * at + 1) < due.count; at = child) {
		if (child + 1 < due.count && due.heap[child + 1]->next_s <
		    due.heap[child]->next_s)
			child++;
		if (due.heap[child]->next_s >= q->next_s)
			break;
		put(due.heap[child], at);
	}
	put(q, at);
}

/* Takes q, which is in the heap, out of it. */
static void
take_out(struct queued *q)
{
	struct queued *last = due.heap[--due.count];

	if (last != q) {
		put(last, q->heap);
		sift_up(last);
		sift_down(last);
	}
	q->heap = nowhere;
}

static void
put_in(struct queued *q)
{
	put(q, due.count++);
	sift_up(q);
}

static void
make_due(struct master *m, struct queued *q)
{
	take_out(q);
	q->next_s = queue_now_s(m);
	put_in(q);
	turn_soon();
}

/* ---- due messages ------------------------------------------------------- */

/* q waits for its time, or for its site; or leaves the queue. */
static void
on_end(struct attempt *a, bool over)
{
	struct master *m = a->master;
	struct queued *q = a->q;

	due.begun--;
	q->work = NULL;
	if (over && a->lost)
		queue_forget(m, q);
	else if (over)
		queue_remove(m, q);
	else {
		put_in(q);
		if (a->wait_for != NULL)
			site_park(a->wait_for, q);
	}
	if (a->wait_for != NULL)
		site_release(a->wait_for);
	if (due.begun == begun_max - 1)
		turn_soon();
}

/* Without a relay block all of it waits, for as long as it takes. */
static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;
	int64_t until_us = deadline_now_us() + piece_us, now = queue_now_s(m);
	struct queued *q;

	while (!m->stopping && m->conf.relay.line != 0 && due.count > 0 &&
	    (q = due.heap[0])->next_s <= now && due.begun < begun_max) {
		if (deadline_now_us() >= until_us) {
			turn_soon();
			break;
		}
		if (q->work != NULL)
			site_unpark(q);
		take_out(q);
		if (q->state & QUEUED_HELD) {
			q->next_s = now + gap_most_s;
			put_in(q);
			continue;
		}
		due.begun++;
		if (!way_begin(m, q)) {
			due.begun--;
			q->next_s = now + again_s;
			put_in(q);
		}
	}
}

static void
on_second(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;
	bool paused = m->conf.relay.line == 0 && due.count > 0;

	if (paused && !due.paused)
		log_put(LOG_LEVEL_WARNING, "queue-paused", "messages=%zu "
		    "then=%s", due.count, "they wait for a relay block in "
		    "smtpd.conf, and none is given up");
	due.paused = paused;
	if (m->log->n > 0 && log_message_flush(m->log) == -1)
		log_error("write", "log/message", errno);
	turn_soon();
}

/* ---- for others --------------------------------------------------------- */

int
schedule_start(struct master *m)
{
	const struct timeval period = { 1, 0 };

	event_assign(&due.turn, m->base, -1, 0, on_turn, m);
	event_assign(&due.second, m->base, -1, EV_PERSIST, on_second, m);
	site_start(m, make_due, link_serve);
	attempt_start(on_end);
	return event_add(&due.second, &period);
}

/*
 * Its time may be that of a clock that was wrong: it is not years ahead.
 * Without memory for its place the file stays, and the next start finds it.
 */
void
schedule_add(struct master *m, struct queued *q)
{
	size_t max = due.max == 0 ? 256 : due.max * 2;
	int64_t now = queue_now_s(m);
	struct queued **heap;

	/* Those that are begun come back. */
	if (due.max < queue_count(m)->messages + 1) {
		heap = reallocarray(due.heap, max,
		    sizeof(struct queued *));
		if (heap == NULL) {
			log_error("a queued message is left until the next "
			    "start", "spool/queue", errno);
			queue_forget(m, q);
			return;
		}
		due.heap = heap;
		due.max = max;
	}
	if (q->next_s > now + gap_most_s)
		q->next_s = now + gap_most_s;
	put_in(q);
	if (q->next_s <= now)
		turn_soon();
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
	take_out(q);
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
	if (!due.drains) {
		due.drains = true;
		link_end_idle(true);
		relay_drain(m);
	}
	return relay_count(m) == 0;
}
