/*
 * The end of an attempt: its recipients' verdicts become reports, journal
 * entries and log lines.
 */
#include "server/mail/attempt_end.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/mail/attempt.h"
#include "server/mail/queue_log.h"
#include "server/mail/report.h"
#include "shared/log.h"

enum {
	open_max = 64,		/* files kept open by those that wait */
	step_s = 400,		/* the n-th try is after step_s * n * n */
	gap_least_s = 5 * 60,
	gap_most_s = 4 * 60 * 60,
	crashes_max = 3,
	crashed_max = 64,	/* messages remembered */
	look_on_max = 200	/* recipients with another outcome */
};

static void	(*later)(struct master *m, struct queued *q,
		    struct site *wait_for);
static size_t	opened;

void
attempt_start(void (*call)(struct master *m, struct queued *q,
    struct site *wait_for))
{
	later = call;
}

/* ---- the file ----------------------------------------------------------- */

bool
attempt_open_file(struct attempt *a)
{
	char id[ipc_id_bytes + 1] = "";
	int error;

	if (a->is_open)
		return true;
	if (a->lost != 0)
		return false;
	if (queue_open(a->master, a->q, &a->open) == -1) {
		error = errno;
		memcpy(id, a->q->id, ipc_id_bytes);
		log_error("a queued message cannot be read", id, error);
		if (error == ENOENT || error == EBADMSG)
			a->lost = error;
		return false;
	}
	a->is_open = true;
	opened++;
	return true;
}

void
attempt_close_file(struct attempt *a, bool always)
{
	if (!a->is_open || a->sending > 0 || (!always && opened < open_max))
		return;
	queue_close(&a->open);
	a->is_open = false;
	opened--;
}

/* Recipient r, borrowed from the open file; false: that is not there. */
bool
attempt_read_rcpt(struct attempt *a, const struct attempt_rcpt *r,
    struct envelope_rcpt *out)
{
	struct span rest;

	if (!attempt_open_file(a))
		return false;
	rest = span_skip(a->open.envelope.rcpts, r->offset);
	return envelope_next(&rest, out);
}

/* ---- the log ------------------------------------------------------------ */

/*
 * Logs f of the recipients from i on that share it, or of all in g, as many as
 * fit into a line; returns where the next line begins.
 */
static size_t
log_some(struct attempt *a, enum log_event event, size_t i,
    const struct attempt_group *g, const struct attempt_fact *f)
{
	const uint8_t state = a->rcpts[i].state;
	uint8_t text[queue_log_list_bytes];
	struct buf others = buf_over(text, sizeof(text));
	struct envelope_rcpt first, to;
	uint32_t count = 0;
	size_t others_met = 0;
	char host[smtp_domain_max_bytes + 1] = "";

	for (; i < a->count; i++) {
		struct attempt_rcpt *r = &a->rcpts[i];

		if (r->state != state || (g != NULL ? r->group != g :
		    r->logged || r->fact != f)) {
			if (++others_met > look_on_max)
				break;
			continue;
		}
		if (!attempt_read_rcpt(a, r, count == 0 ? &first : &to) ||
		    (count > 0 && !queue_log_add(&others, &to.to)))
			break;
		count++;
		r->logged = g == NULL;
	}
	memcpy(host, f->fact.host, f->fact.host_len);
	if (count > 0)
		queue_log_outcome(a->master, event, a->q,
		    &(struct queue_outcome){
		    .to = &first.to, .count = count,
		    .others = buf_span(&others),
		    .host = f->fact.host_len == 0 ? NULL : host,
		    .ip = f->has_ip ? &f->ip : NULL, .port = f->port,
		    .greeted = f->has_greeted ? &f->greeted : NULL,
		    .outcome = &f->fact.outcome,
		    .deferred = event == LOG_EVENT_TRY && g == NULL });
	return count > 0 ? i : a->count;
}

void
attempt_log_moved(struct attempt *a, const struct attempt_group *g,
    const struct attempt_fact *f)
{
	size_t i = 0;

	while (i < a->count)
		if (a->rcpts[i].group == g &&
		    a->rcpts[i].state == ATTEMPT_WAITS)
			i = log_some(a, LOG_EVENT_TRY, i, g, f);
		else
			i++;
	attempt_close_file(a, false);
}

void
attempt_log(struct attempt *a, enum log_event event, enum attempt_state state)
{
	const struct attempt_rcpt *r;
	size_t i = 0;

	while (i < a->count) {
		r = &a->rcpts[i];
		if (r->state == state && !r->logged && r->fact != NULL)
			(void)log_some(a, event, i, NULL, r->fact);
		i++;
	}
	attempt_close_file(a, false);
}

/* ---- facts -------------------------------------------------------------- */

/* That of t, which recipients share; NULL without memory. */
struct attempt_fact *
attempt_note(struct attempt *a, const struct link_try *t, bool uncertain)
{
	struct attempt_fact *f = calloc(1, sizeof(*f)), *last = a->facts;
	struct buf host;

	if (f == NULL)
		return NULL;
	f->fact = (struct ipc_fact){ .outcome = *t->outcome,
	    .tried_s = queue_now_s(a->master), .uncertain = uncertain };
	f->fact.outcome.index = 0;
	host = buf_over(f->fact.host, sizeof(f->fact.host));
	buf_add_str(&host, t->host);
	f->fact.host_len = (uint8_t)host.n;
	f->has_ip = t->ip != NULL;
	if (t->ip != NULL)
		f->ip = *t->ip;
	f->port = t->port;
	f->has_greeted = t->greeted != NULL;
	if (t->greeted != NULL)
		f->greeted = *t->greeted;
	if (last != NULL) {
		f->next = last->next;
		f->fact.tried_s = last->fact.tried_s;
		if (memcmp(f, last, sizeof(*f)) == 0) {
			free(f);
			return last;
		}
		f->fact.tried_s = queue_now_s(a->master);
	}
	f->next = last;
	a->facts = f;
	return f;
}

/* ---- crashes ------------------------------------------------------------ */

/*
 * A message that breaks three workers would break more.  Who was to crash it is
 * unknown, the host or the sender, so it is kept.
 */
void
attempt_note_crash(struct attempt *a)
{
	static struct {
		char		id[ipc_id_bytes];
		unsigned	count;
	} crashed[crashed_max];
	static size_t next;
	size_t i = 0;

	while (i < crashed_max && memcmp(crashed[i].id, a->q->id,
	    sizeof(a->q->id)) != 0)
		i++;
	if (i == crashed_max) {
		i = next++ % crashed_max;
		memcpy(crashed[i].id, a->q->id, sizeof(a->q->id));
		crashed[i].count = 0;
	}
	if (++crashed[i].count < crashes_max)
		return;
	crashed[i].count = 0;
	a->q->state |= QUEUED_HELD;
	queue_note_state(a->master, a->q);
	queue_log_by(a->master, LOG_EVENT_HELD, a->q, "smtpd", "three workers "
	    "crashed while they sent it: look at it, then release or remove "
	    "it with smtpctl queue");
}

/* ---- age ---------------------------------------------------------------- */

static uint64_t
age_of(const struct attempt *a)
{
	int64_t now = queue_now_s(a->master);

	return now < a->q->queued_s ? 0 : (uint64_t)(now - a->q->queued_s);
}

/* Give or take a tenth: messages of one moment come back one by one. */
static int64_t
spread(int64_t s)
{
	return s * (900 + (int64_t)arc4random_uniform(201)) / 1000;
}

/* The least time until a report is due, where that is less than s. */
static int64_t
until_report(const struct attempt *a, int64_t s)
{
	const struct conf_relay *r = &a->master->conf.relay;
	const uint64_t dues[] = { a->q->state & QUEUED_NOTIFIED ? 0 :
	    r->tell_delay_after_s, r->give_up_after_s };
	int64_t age = (int64_t)age_of(a);

	for (size_t i = 0; i < sizeof(dues) / sizeof(dues[0]); i++)
		if ((int64_t)dues[i] > age && (int64_t)dues[i] - age < s)
			s = (int64_t)dues[i] - age + 1;
	return s;
}

/*
 * The n-th try is about 400 * n * n seconds after the message came.  To wait
 * for a site is no try; a look at the age is all that happens meanwhile.
 */
static void
set_next(struct attempt *a)
{
	struct queued *q = a->q;
	int64_t s = gap_most_s, most_s = site_pause_max_s(a->master);

	if (a->tried) {
		if (q->tries < UINT16_MAX)
			q->tries++;
		s = spread(step_s * (2 * (int64_t)q->tries - 1));
	} else if (a->wait_for == NULL)
		s = gap_least_s;
	s = s < gap_least_s ? gap_least_s : s > gap_most_s ? gap_most_s : s;
	if (s > most_s)
		s = most_s;
	if (a->wait_for != NULL)
		s = until_report(a, s);
	q->next_s = queue_now_s(a->master) + s;
}

/*
 * A leap of the clock alone expires nothing: there were tries, of the message
 * or of the site that it waits for.
 */
static bool
is_expired(const struct attempt *a)
{
	unsigned failures = 0;

	if (a->wait_for != NULL)
		(void)site_trouble(a->wait_for, &failures);
	return age_of(a) >= a->master->conf.relay.give_up_after_s &&
	    a->q->tries + failures >= site_tries;
}

/* What those that wait for the site are told, too. */
static struct attempt_fact *
trouble_of(struct attempt *a)
{
	static const struct ipc_outcome too_old = { .stage = RELAY_CONNECT,
	    .end = RELAY_END_TOO_OLD };
	const struct link_try none = { .host = "", .outcome = &too_old };
	unsigned failures;
	const struct link_try *t = a->wait_for == NULL ? NULL :
	    site_trouble(a->wait_for, &failures);

	return attempt_note(a, t != NULL ? t : &none, false);
}

/* Gives recipients that wait, or are deferred, a fact; and up, if expired. */
static void
look_at_age(struct attempt *a, bool expired)
{
	struct attempt_fact *trouble = NULL;

	for (size_t i = 0; i < a->count; i++) {
		struct attempt_rcpt *r = &a->rcpts[i];

		if (r->state != ATTEMPT_WAITS && r->state != ATTEMPT_DEFERRED)
			continue;
		if (r->fact == NULL && trouble == NULL)
			trouble = trouble_of(a);
		if (r->fact == NULL)
			r->fact = trouble;
		if (expired)
			r->state = ATTEMPT_FAILED;
	}
}

/* ---- reports ------------------------------------------------------------ */

static void	go_on(struct attempt *a);

static bool
is_reported(const struct attempt *a, const struct attempt_rcpt *r,
    enum report_kind kind)
{
	switch (kind) {
	case REPORT_FAILED:
		return r->state == ATTEMPT_FAILED;
	case REPORT_DELAYED:
		return r->state == ATTEMPT_WAITS ||
		    r->state == ATTEMPT_DEFERRED;
	case REPORT_RELAYED:
		return r->relayed;
	case REPORT_DELIVERED:
		return r->state == ATTEMPT_DELIVERED;
	case REPORT_KIND_COUNT:
		break;
	}
	return false;
}

/*
 * The report is durable, and only now the recipient is over: a crash before
 * makes a second report at worst.
 */
static void
on_report(void *arg, bool committed)
{
	struct attempt *a = arg;
	enum report_kind kind = (enum report_kind)(a->report - 1);

	if (committed && kind == REPORT_DELAYED) {
		a->q->state |= QUEUED_NOTIFIED;
		queue_note_state(a->master, a->q);
	}
	if (committed && kind == REPORT_FAILED)
		attempt_log(a, LOG_EVENT_FAILED, ATTEMPT_FAILED);
	for (size_t i = 0; i < a->count; i++) {
		struct attempt_rcpt *r = &a->rcpts[i];

		if (kind == REPORT_DELAYED || kind == REPORT_RELAYED ||
		    !is_reported(a, r, kind))
			continue;
		if (committed)
			queue_note_done(a->master, a->q, r->index, kind);
		r->state = committed ? ATTEMPT_OVER : ATTEMPT_UNREPORTED;
	}
	go_on(a);
}

/* Is a report under way? */
static bool
make_report(struct attempt *a, enum report_kind kind)
{
	const struct conf_relay *conf = &a->master->conf.relay;
	static const struct ipc_outcome stored = { .stage = RELAY_DOT,
	    .end = RELAY_END_REPLY, .code = 250 };
	struct report_rcpt *rcpts;
	size_t n = 0;
	int result;

	if (kind == REPORT_DELAYED && ((a->q->state & QUEUED_NOTIFIED) ||
	    conf->tell_delay_after_s == 0 ||
	    age_of(a) < conf->tell_delay_after_s))
		return false;
	for (size_t i = 0; i < a->count; i++)
		n += is_reported(a, &a->rcpts[i], kind);
	if (n == 0)
		return false;
	rcpts = calloc(n, sizeof(*rcpts));
	if (rcpts == NULL)
		return false;
	n = 0;
	for (size_t i = 0; i < a->count; i++) {
		if (!is_reported(a, &a->rcpts[i], kind))
			continue;
		rcpts[n].offset = a->rcpts[i].offset;
		if (a->rcpts[i].fact != NULL)
			rcpts[n].fact = a->rcpts[i].fact->fact;
		else
			rcpts[n].fact.outcome = stored;
		n++;
	}
	result = report_make(a->master, a->q, kind, rcpts, n, a->q->queued_s +
	    (int64_t)conf->give_up_after_s, on_report, a);
	free(rcpts);
	return result == 0;
}

/* ---- the end ------------------------------------------------------------ */

static void
free_attempt(struct attempt *a)
{
	struct attempt_fact *f;

	attempt_close_file(a, true);
	while ((f = a->facts) != NULL) {
		a->facts = f->next;
		free(f);
	}
	if (a->wait_for != NULL)
		site_release(a->wait_for);
	free(a->groups);
	free(a->rcpts);
	free(a);
}

static void
end(struct attempt *a)
{
	struct master *m = a->master;
	struct queued *q = a->q;
	const struct ipc_outcome *last = NULL;

	q->work = NULL;
	for (size_t i = 0; i < a->count && a->tried; i++)
		if (a->rcpts[i].state == ATTEMPT_DEFERRED &&
		    a->rcpts[i].fact != NULL)
			last = &a->rcpts[i].fact->fact.outcome;
	if (a->lost != 0)
		queue_forget(m, q);
	else if (a->removed || q->left == 0)
		queue_remove(m, q);
	else {
		if (last != NULL)
			queue_note_try(m, q, last);
		later(m, q, a->wait_for);
	}
	free_attempt(a);
}

static void
go_on(struct attempt *a)
{
	while (!a->removed && a->lost == 0 && !a->master->stopping &&
	    a->report < REPORT_KIND_COUNT)
		if (make_report(a, (enum report_kind)a->report++))
			return;
	end(a);
}

void
attempt_finish(struct attempt *a)
{
	set_next(a);
	look_at_age(a, is_expired(a));
	attempt_log(a, LOG_EVENT_TRY, ATTEMPT_DEFERRED);
	go_on(a);
}

void
attempt_postpone(struct master *m, struct queued *q)
{
	q->next_s = queue_now_s(m) + gap_least_s;
	later(m, q, NULL);
}
