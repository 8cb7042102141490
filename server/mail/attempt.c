/*
 * Attempts: verdicts become journal entries and log lines.  The file is open
 * only while it is read: thousands may wait for name servers and sites.
 */
#include "server/mail/attempt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	open_max = 64,		/* files kept open by those that wait */
	step_s = 400,		/* the n-th try is after step_s * n * n */
	gap_least_s = 5 * 60,
	gap_most_s = 4 * 60 * 60,
	refused_gap_s = 30 * 60
};

static size_t	opened;

/* ---- age ---------------------------------------------------------------- */

int64_t
attempt_pause_max_s(const struct master *m)
{
	int64_t s = (int64_t)m->conf.relay.give_up_after_s / attempt_tries;

	return s < 1 ? 1 : s;
}

static int64_t
age_of(const struct attempt *a)
{
	int64_t age = queue_now_s(a->master) - a->q->queued_s;

	return age < 0 ? 0 : age;
}

/* A leap of the clock alone expires nothing: there were tries as well. */
static bool
is_expired(const struct attempt *a)
{
	return a->q->tries + a->failures >= attempt_tries &&
	    (uint64_t)age_of(a) >= a->master->conf.relay.give_up_after_s;
}

/*
 * All hosts refused it, perhaps for our address or their trouble: that is final
 * only if they did half an hour ago as well.
 */
static bool
is_refused_again(struct attempt *a)
{
	const int64_t age = age_of(a) + 1, most_s =
	    attempt_pause_max_s(a->master);

	if (a->q->refused_s == 0)
		a->q->refused_s = (uint32_t)age;
	return age - a->q->refused_s >=
	    (most_s < refused_gap_s ? most_s : refused_gap_s);
}

/* ---- the file ----------------------------------------------------------- */

/* A file that is there may be read another time: that is a try of it. */
bool
attempt_open(struct attempt *a)
{
	char id[ipc_id_bytes + 1] = "";
	int error;

	if (a->is_open || a->lost || a->unread)
		return a->is_open;
	if (queue_open(a->master, a->q, &a->open) == 0) {
		opened++;
		return a->is_open = true;
	}
	error = errno;
	a->unread = true;
	a->tried |= error != EMFILE && error != ENFILE && error != ENOMEM;
	a->lost = error == ENOENT || error == EBADMSG ||
	    (a->tried && is_expired(a));
	memcpy(id, a->q->id, ipc_id_bytes);
	if (error != EBADMSG)
		log_error("a queued message cannot be read", id, error);
	if (a->lost && error != ENOENT && error != EBADMSG)
		queue_put_aside(a->master, a->q, "it could not be read");
	return false;
}

void
attempt_close(struct attempt *a)
{
	if (!a->is_open || a->sending > 0 || opened < open_max)
		return;
	queue_close(&a->open);
	a->is_open = false;
	opened--;
}

bool
attempt_read(struct attempt *a, const struct attempt_rcpt *r,
    struct ipc_rcpt *out)
{
	struct span rest;

	if (!attempt_open(a))
		return false;
	rest = span_skip(a->open.envelope.rcpts, r->offset);
	return envelope_next(&rest, out);
}

/* ---- facts -------------------------------------------------------------- */

const struct queue_fact *
attempt_keep(struct attempt *a, const struct queue_fact *f)
{
	struct queue_fact *last = a->facts, *copy;

	if (last != NULL && memcmp(&f->fact.outcome, &last->fact.outcome,
	    sizeof(f->fact.outcome)) == 0 && memcmp(f->fact.host,
	    last->fact.host, sizeof(f->fact.host)) == 0 && memcmp(&f->ip,
	    &last->ip, sizeof(f->ip)) == 0)
		return last;
	copy = malloc(sizeof(*copy));
	if (copy == NULL)
		return NULL;
	*copy = *f;
	copy->next = last;
	a->facts = copy;
	return copy;
}

static void
set_state(struct attempt_rcpt *r, enum attempt_state state,
    const struct queue_fact *f)
{
	r->state = (uint8_t)state;
	r->fact = f;
	r->logged = false;
}

/* ---- the log ------------------------------------------------------------ */

/* A line of those from i on that share its state and fact, as many as fit. */
static void
log_line(struct attempt *a, enum log_event event, size_t i)
{
	const struct attempt_rcpt first = a->rcpts[i];
	uint8_t text[queue_log_list_bytes];
	struct buf list = buf_over(text, sizeof(text));
	struct ipc_rcpt to;
	struct mailbox one;
	struct queue_outcome o = { .to = &one, .fact = first.fact,
	    .deferred = first.state == ATTEMPT_DEFERRED };

	for (struct attempt_rcpt *r; i < a->count; i++) {
		r = &a->rcpts[i];
		if (r->state != first.state || r->fact != first.fact ||
		    r->logged)
			continue;
		if (!attempt_read(a, r, &to) ||
		    !queue_log_add(&list, &to.to))
			break;
		r->logged = true;
		if (o.count++ == 0)
			one = to.to;
	}
	o.list = buf_span(&list);
	if (o.count > 0)
		queue_log_outcome(a->master, event, a->q, &o);
}

static void
log_all(struct attempt *a, enum log_event event, enum attempt_state state)
{
	for (size_t i = 0; i < a->count; i++)
		if (a->rcpts[i].state == state && !a->rcpts[i].logged &&
		    a->rcpts[i].fact != NULL)
			log_line(a, event, i);
}

void
attempt_log_moved(const struct attempt_group *g, const struct queue_fact *f)
{
	for (struct attempt_rcpt *r = g->first; r != NULL; r = r->next)
		if (r->state == ATTEMPT_WAITS)
			set_state(r, ATTEMPT_WAITS, f);
	log_all(g->attempt, LOG_EVENT_TRY, ATTEMPT_WAITS);
}

/* ---- transactions ------------------------------------------------------- */

bool
attempt_waits(const struct attempt_group *g)
{
	const struct attempt *a = g->attempt;
	const struct attempt_rcpt *r = g->first;

	if (a->removed || (a->q->state & QUEUED_HELD))
		return false;
	while (r != NULL && r->state != ATTEMPT_WAITS)
		r = r->next;
	return r != NULL;
}

size_t
attempt_next(struct attempt_group *g, size_t max, struct attempt_rcpt **now,
    struct ipc_rcpt **to)
{
	struct attempt *a = g->attempt;
	size_t n = 0;

	for (struct attempt_rcpt *r = g->first; r != NULL && n < max;
	    r = r->next)
		if (r->state == ATTEMPT_WAITS)
			now[n++] = r;
	*to = n == 0 ? NULL : calloc(n, sizeof(**to));
	for (size_t i = 0; *to != NULL && i < n; i++)
		if (!attempt_read(a, now[i], &(*to)[i])) {
			free(*to);
			*to = NULL;
		}
	a->sending += *to != NULL;
	return *to == NULL ? 0 : n;
}

void
attempt_sent(struct attempt *a)
{
	log_all(a, LOG_EVENT_DONE, ATTEMPT_TAKEN);
	a->sending--;
	attempt_close(a);
}

void
attempt_judge(struct attempt *a, struct attempt_rcpt *r,
    enum reply_rcpts what, const struct queue_fact *f)
{
	if (r->state != ATTEMPT_WAITS || (f != NULL &&
	    f->fact.outcome.end == RELAY_END_STOPPED))
		return;
	a->tried = true;
	a->damaged |= f != NULL && f->fact.outcome.end == RELAY_END_DAMAGED;
	if (what == REPLY_REFUSED && is_refused_again(a))
		what = REPLY_FAILED;
	set_state(r, what == REPLY_TAKEN ? ATTEMPT_TAKEN :
	    what == REPLY_FAILED ? ATTEMPT_FAILED : ATTEMPT_DEFERRED, f);
	if (what != REPLY_TAKEN)
		return;
	r->relayed = (r->notify & DSN_SUCCESS) && f != NULL &&
	    !(f->greeted.offers & RELAY_OFFERS_DSN);
	a->relayed |= r->relayed;
	queue_note_done(a->master, a->q, r->index, a->relayed);
}

void
attempt_judge_all(struct attempt_group *g, enum reply_rcpts what,
    const struct queue_fact *f)
{
	for (struct attempt_rcpt *r = g->first; r != NULL; r = r->next)
		attempt_judge(g->attempt, r, what, f);
}

/* The third crash: whether host or sender meant them is unknown, so q stays. */
void
attempt_note_crash(struct attempt *a)
{
	struct queued *q = a->q;

	if ((q->state & QUEUED_CRASHED) < 2 * QUEUED_CRASHED_ONCE) {
		q->state = (uint8_t)(q->state + QUEUED_CRASHED_ONCE);
		return;
	}
	q->state &= (uint8_t)~QUEUED_CRASHED;
	queue_hold(a->master, q, true);
	queue_log_by(a->master, LOG_EVENT_HELD, q, "smtpd", "workers crashed "
	    "while they sent it: look at it, then release or remove it with "
	    "smtpctl queue");
}

/*
 * The n-th try is about 400 * n * n seconds after the message came, give or
 * take a tenth.  To wait for a site is no try; the message is looked at again
 * when a report may be due.
 */
static void
set_next(struct attempt *a)
{
	const struct conf_relay *conf = &a->master->conf.relay;
	const int64_t most_s = attempt_pause_max_s(a->master), dues[] = {
	    a->q->state & QUEUED_NOTIFIED ? 0 :
	    (int64_t)conf->tell_delay_after_s, (int64_t)conf->give_up_after_s };
	struct queued *q = a->q;
	int64_t s = a->wait_for == NULL ? gap_least_s : gap_most_s;

	if (a->tried) {
		q->tries = (uint16_t)(q->tries + (q->tries < UINT16_MAX));
		s = step_s * (2 * (int64_t)q->tries - 1) *
		    (900 + (int64_t)arc4random_uniform(201)) / 1000;
	}
	s = s < gap_least_s ? gap_least_s : s > gap_most_s ? gap_most_s : s;
	s = s < most_s ? s : most_s;
	for (size_t i = 0; i < 2 && a->wait_for != NULL; i++)
		if (dues[i] > age_of(a) && dues[i] - age_of(a) < s)
			s = dues[i] - age_of(a) + 1;
	q->next_s = queue_now_s(a->master) + s;
}

/* Recipients that only wait get a fact, too. */
static void
look_at_age(struct attempt *a)
{
	const struct queue_fact too_old = { .fact = { .outcome = {
	    .stage = RELAY_CONNECT, .end = RELAY_END_TOO_OLD },
	    .tried_s = queue_now_s(a->master) } };
	const bool expired = is_expired(a);

	for (size_t i = 0; i < a->count; i++) {
		struct attempt_rcpt *r = &a->rcpts[i];

		if (r->state != ATTEMPT_WAITS && r->state != ATTEMPT_DEFERRED)
			continue;
		if (r->fact == NULL)
			r->fact = attempt_keep(a, &too_old);
		if (expired)
			set_state(r, ATTEMPT_FAILED, r->fact);
	}
}

/* ---- reports ------------------------------------------------------------ */

bool
attempt_is_reported(const struct attempt_rcpt *r, enum report_kind kind)
{
	return kind == REPORT_FAILED ? r->state == ATTEMPT_FAILED :
	    kind == REPORT_DELAYED ? r->state == ATTEMPT_WAITS ||
	    r->state == ATTEMPT_DEFERRED :
	    kind == REPORT_RELAYED ? r->relayed :
	    kind == REPORT_LOCAL ? r->state == ATTEMPT_OURS :
	    r->state == ATTEMPT_DELIVERED;
}

/* Only now a recipient is over: a crash before makes a second report. */
void
attempt_reported(struct attempt *a, enum report_kind kind, bool committed)
{
	if (committed && kind == REPORT_DELAYED) {
		a->q->state |= QUEUED_NOTIFIED;
		queue_note(a->master, a->q);
	}
	if (committed && kind == REPORT_FAILED)
		log_all(a, LOG_EVENT_FAILED, ATTEMPT_FAILED);
	if (committed && kind == REPORT_LOCAL)
		log_all(a, LOG_EVENT_DONE, ATTEMPT_OURS);
	for (size_t i = 0; i < a->count; i++) {
		struct attempt_rcpt *r = &a->rcpts[i];

		if (kind == REPORT_DELAYED || kind == REPORT_RELAYED ||
		    !attempt_is_reported(r, kind))
			continue;
		if (committed)
			queue_note_done(a->master, a->q, r->index, a->relayed);
		r->state = committed && kind == REPORT_LOCAL &&
		    (r->notify & DSN_SUCCESS) ? ATTEMPT_DELIVERED :
		    ATTEMPT_OVER;
	}
}

bool
attempt_is_due(const struct attempt *a, enum report_kind kind)
{
	const uint64_t delay_s = a->master->conf.relay.tell_delay_after_s;
	size_t i = 0;

	if (kind == REPORT_DELAYED && ((a->q->state & QUEUED_NOTIFIED) ||
	    delay_s == 0 || (uint64_t)age_of(a) < delay_s))
		return false;
	while (i < a->count && !attempt_is_reported(&a->rcpts[i], kind))
		i++;
	return i < a->count;
}

/* ---- the end ------------------------------------------------------------ */

void
attempt_free(struct attempt *a)
{
	struct queue_fact *f;

	if (a->is_open) {
		queue_close(&a->open);
		opened--;
	}
	while ((f = a->facts) != NULL) {
		a->facts = f->next;
		free(f);
	}
	free(a->groups);
	free(a->rcpts);
	free(a);
}

void
attempt_end_group(struct attempt *a)
{
	if (--a->pending > 0)
		return;
	if (a->q->left > 0)
		set_next(a);
	look_at_age(a);
	log_all(a, LOG_EVENT_TRY, ATTEMPT_DEFERRED);
	attempt_close(a);
	a->end(a);
}
