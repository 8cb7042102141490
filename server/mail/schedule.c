/*
 * Which messages are due, and the beginning of attempts: the way of each domain
 * is looked up then, so a reload is enough to change it.
 */
#include "server/mail/queue.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "server/conf/conf_parse.h"
#include "server/log/log_message.h"
#include "server/mail/recipient.h"
#include "server/mail/relay.h"
#include "server/mail/site.h"
#include "shared/deadline.h"
#include "shared/log.h"

#define nobody	"no such user here"

enum {
	smtp_port = 25,
	piece_us = 4 * 1000,		/* no message is begun after that */
	gap_most_s = 4 * 60 * 60,
	again_s = 5 * 60,		/* without memory */
	begun_max = 10000		/* attempts */
};

static struct {
	struct event	  second;
	struct event	  turn;
	size_t		  cursor;	/* of queue_next() */
	size_t		  begun;	/* attempts */
	bool		  paused;	/* that was logged */
} due;

/* After others, for this is a timer. */
static void
turn_soon(void)
{
	event_add(&due.turn, &(struct timeval){ 0, 0 });
}

/* ---- the way ------------------------------------------------------------ */

static void
end_without_way(struct attempt_group *g, enum relay_end why)
{
	const struct ipc_outcome o = { .stage = RELAY_DNS,
	    .end = (uint8_t)why };
	struct attempt *a = g->attempt;

	attempt_judge_all(g, reply_rule(&o)->rcpts, attempt_keep(a,
	    &(struct queue_fact){ .fact = { .outcome = o,
	    .tried_s = queue_now_s(a->master) } }));
	attempt_end_group(a);
}

static void
on_route(void *arg, const struct route *route)
{
	struct attempt_group *g = arg;
	enum relay_end why;
	struct path *p = path_make(g->attempt->master, route, g->port,
	    g->written, &why);

	if (p != NULL)
		site_add(g->attempt->master, p, g);
	else
		/* A wrong name in smtpd.conf is no fault of the mail. */
		end_without_way(g, g->written ? RELAY_END_NO_DNS : why);
}

static void
find_way(struct attempt_group *g, struct span domain)
{
	const struct conf_via *via = conf_relay_via(&g->attempt->master->conf,
	    domain);
	struct resolver_job *job = &g->job;
	struct buf literal = buf_over(job->name, sizeof(job->name) - 1);

	*job = (struct resolver_job){ .kind = RESOLVE_HOST, .done = on_route,
	    .arg = g };
	g->written = via->host != NULL;
	g->port = g->written ? via->port : smtp_port;
	if (g->written)
		strlcpy(job->name, via->host, sizeof(job->name));
	else if (span_next_is(domain, '[')) {
		/* RFC 5321 4.1.3. */
		domain = span_from(domain.p + 1, domain.n - 2);
		if (span_begins_fold(domain, span_of("IPv6:")))
			domain = span_skip(domain, strlen("IPv6:"));
		buf_add(&literal, domain);
	} else if (punycode_domain(domain, job->name))
		job->kind = RESOLVE_MX;
	else {
		end_without_way(g, RELAY_END_NO_DOMAIN);
		return;
	}
	if (!resolver_ask(job))
		end_without_way(g, RELAY_END_NO_DNS);
}

/* ---- groups ------------------------------------------------------------- */

static int
compare(const void *x, const void *y)
{
	const struct attempt_rcpt *a = x, *b = y;
	int order = memcmp(a->key, b->key, sizeof(a->key));

	return order != 0 ? order : a->index < b->index ? -1 : 1;
}

/* With a secret, so that nobody outside makes two groups, or senders, one. */
static void
hash(uint8_t key[crypto_shorthash_siphashx24_BYTES], struct span of)
{
	static uint8_t secret[crypto_shorthash_siphashx24_KEYBYTES];

	if (sodium_is_zero(secret, sizeof(secret)))
		randombytes_buf(secret, sizeof(secret));
	crypto_shorthash_siphashx24(key, of.p, of.n, secret);
}

/* What is one group: a domain, or all with one "via". */
static void
set_key(struct attempt_rcpt *r, const struct conf *conf, struct span domain)
{
	const struct conf_via *via = conf_relay_via(conf, domain);

	hash(r->key, via->host == NULL ? domain :
	    span_from(&via->line, sizeof(via->line)));
}

/*
 * A domain that became ours while the message was queued: the recipient gets it
 * by our tables as they are now.
 */
static enum attempt_state
resolve(struct attempt *a, struct attempt_rcpt *r, const struct mailbox *to)
{
	static const struct ipc_outcome outcomes[] = {
		[ATTEMPT_OURS] = { .stage = RELAY_DOT, .end = RELAY_END_REPLY,
		    .code = 250 },
		[ATTEMPT_FAILED] = { .stage = RELAY_RCPT,
		    .end = RELAY_END_REPLY, .code = 550,
		    .enhanced = { 5, 1, 1 }, .n = sizeof(nobody) - 1,
		    .text = nobody }
	};
	const struct conf *conf = &a->master->conf;
	struct recipient_reason reason = { .path = NULL };
	struct recipient_set set = { .count = 0 };
	enum attempt_state state = ATTEMPT_DEFERRED;
	enum verdict verdict;

	if (conf_find_domain(conf, span_from(to->domain, to->domain_len)) ==
	    NULL)
		return ATTEMPT_WAITS;
	verdict = recipient_expand(conf, to, &set, &reason, NULL);
	recipient_set_clear(&set);
	if (verdict == VERDICT_OK || verdict == VERDICT_UNKNOWN)
		state = verdict == VERDICT_OK ? ATTEMPT_OURS : ATTEMPT_FAILED;
	if (state != ATTEMPT_DEFERRED)
		r->fact = attempt_keep(a, &(struct queue_fact){ .fact = {
		    .outcome = outcomes[state],
		    .tried_s = queue_now_s(a->master) } });
	log_put(LOG_LEVEL_INFO, "became-local", "id=%.*s to=%s why=%s",
	    (int)sizeof(a->q->id), a->q->id, log_address(to),
	    smtp_reply_verdict(verdict));
	return state;
}

static void
list_rcpts(struct attempt *a)
{
	const struct span all = a->open.envelope.rcpts;
	struct span rest = all;
	struct ipc_rcpt to;
	struct attempt_rcpt *r;
	struct attempt_group *g;
	uint8_t sender[crypto_shorthash_siphashx24_BYTES];

	hash(sender, span_from(&a->open.envelope.from,
	    sizeof(a->open.envelope.from)));
	memcpy(&a->q->sender, sender, sizeof(a->q->sender));
	r = a->rcpts = calloc(a->q->left + 1, sizeof(*a->rcpts));
	for (uint32_t i = 0; r != NULL && a->count < a->q->left; i++) {
		r->index = i;
		r->offset = (uint32_t)(all.n - rest.n);
		if (!envelope_next(&rest, &to))
			break;
		if (queue_is_done(a->q, i))
			continue;
		set_key(r, &a->master->conf, span_from(to.to.domain,
		    to.to.domain_len));
		r->notify = to.notify;
		r->state = to.notify & DSN_DELIVERED ? ATTEMPT_DELIVERED :
		    (uint8_t)resolve(a, r, &to.to);
		r = &a->rcpts[++a->count];
	}
	a->groups = calloc(a->count + 1, sizeof(*a->groups));
	if (a->rcpts == NULL || a->groups == NULL)
		return;
	qsort(a->rcpts, a->count, sizeof(*a->rcpts), compare);
	for (r = a->rcpts; r < a->rcpts + a->count; r++) {
		if (r->state != ATTEMPT_WAITS)
			continue;
		g = &a->groups[a->group_count - (a->group_count > 0)];
		if (g->first == NULL || memcmp(r->key, g->first->key,
		    sizeof(r->key)) != 0) {
			g = &a->groups[a->group_count++];
			*g = (struct attempt_group){ .attempt = a, .first = r };
		} else
			g->last->next = r;
		g->last = r;
	}
}

/* ---- attempts ----------------------------------------------------------- */

/* q waits for its time, or for its site; or leaves the queue. */
static void
on_end(struct attempt *a)
{
	struct master *m = a->master;
	struct queued *q = a->q;
	const bool over = a->lost || a->removed || q->left == 0;

	if (due.begun-- == begun_max)
		turn_soon();
	if (a->tried && !a->removed && q->left > 0)
		queue_note(m, q);
	q->work = NULL;
	q->state &= (uint8_t)~QUEUED_BUSY;
	/* So a worker says; it is kept for somebody to look at. */
	if (over && a->damaged && !a->lost)
		queue_put_aside(m, q, "its content is cut or was changed");
	if (over && (a->lost || a->damaged))
		queue_forget(m, q);
	else if (over)
		queue_remove(m, q);
	if (a->wait_for != NULL)
		site_park(a->wait_for, over ? NULL : q);
	attempt_free(a);
}

static void
on_tried(struct attempt *a)
{
	report_all(a, on_end);
}

/* An attempt, which is q->work until it ends, perhaps at once. */
static void
begin(struct master *m, struct queued *q)
{
	struct attempt *a = calloc(1, sizeof(*a));
	struct attempt_group *g;
	struct ipc_rcpt to;

	if (q->work != NULL)
		site_unpark(q);
	if (a == NULL) {
		q->next_s = queue_now_s(m) + again_s;
		return;
	}
	due.begun++;
	q->state |= QUEUED_BUSY;
	q->work = a;
	*a = (struct attempt){ .master = m, .q = q, .end = on_tried };
	if (attempt_open(a))
		list_rcpts(a);
	/* One more, so that it does not end before all have begun. */
	a->pending = a->group_count + 1;
	/* There is none if the file could not be opened. */
	for (g = a->groups; g != NULL && g < a->groups + a->group_count; g++)
		if (!attempt_read(a, g->first, &to))
			attempt_end_group(a);
		else
			find_way(g, span_from(to.to.domain, to.to.domain_len));
	attempt_close(a);
	attempt_end_group(a);
}

/* Without a relay block all of it waits, for as long as it takes. */
static bool
may_begin(const struct master *m)
{
	return !m->stopping && m->conf.relay.line != 0 &&
	    due.begun < begun_max;
}

static void
make_due(struct master *m, struct queued *q)
{
	q->next_s = queue_now_s(m);
	if (may_begin(m) && !(q->state & (QUEUED_HELD | QUEUED_BUSY)))
		begin(m, q);
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;
	int64_t until_us = deadline_now_us() + piece_us, now = queue_now_s(m);
	struct queued *q;

	while (may_begin(m)) {
		if (deadline_now_us() >= until_us) {
			turn_soon();
			return;
		}
		q = queue_next(m, &due.cursor);
		if (q == NULL) {
			due.cursor = 0;
			return;
		}
		if (q->next_s <= now &&
		    !(q->state & (QUEUED_HELD | QUEUED_BUSY)))
			begin(m, q);
	}
}

static void
on_second(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;
	const uint64_t messages = queue_count(m)->messages;
	const bool paused = m->conf.relay.line == 0 && messages > 0;

	queue_second(m);
	if (paused && !due.paused)
		log_put(LOG_LEVEL_WARNING, "queue-paused", "messages=%zu "
		    "then=%s", (size_t)messages, "they wait for a relay block "
		    "in smtpd.conf, and none is given up");
	due.paused = paused;
	if (m->log->n > 0 && log_message_flush(m->log) == -1)
		log_error("write", "log/message", errno);
	turn_soon();
}

/* ---- for others --------------------------------------------------------- */

int
schedule_start(struct master *m)
{
	event_assign(&due.turn, m->base, -1, 0, on_turn, m);
	event_assign(&due.second, m->base, -1, EV_PERSIST, on_second, m);
	site_start(m, make_due, link_serve);
	return event_add(&due.second, &(struct timeval){ 1, 0 });
}

/* Its time may be that of a clock that was wrong: it is not years ahead. */
void
schedule_add(struct master *m, struct queued *q)
{
	int64_t now = queue_now_s(m);

	if (q->next_s > now + gap_most_s)
		q->next_s = now + gap_most_s;
	if (q->next_s <= now && !queue_count(m)->reading)
		make_due(m, q);
}

void
schedule_retry(struct master *m, struct queued *q)
{
	if (q->state & QUEUED_BUSY)
		return;
	if (q->work != NULL)
		((struct site_lane *)q->work)->site->until_ms = 0;
	q->next_s = queue_now_s(m);
	turn_soon();
}

/* What waits, waits no more; what is sent now is the last. */
static void
forget(struct attempt *a)
{
	struct attempt_group *g;

	a->removed = true;
	/* A report is under way, and tells when it is over. */
	if (a->pending == 0)
		return;
	a->pending++;
	for (g = a->groups; g != NULL && g < a->groups + a->group_count;
	    g++) {
		if (g->job.open)
			resolver_forget(&g->job);
		else if (g->lane != NULL)
			site_withdraw(g);
		else
			continue;
		attempt_end_group(a);
	}
	attempt_end_group(a);
}

void
schedule_remove(struct master *m, struct queued *q)
{
	if (q->state & QUEUED_BUSY) {
		forget(q->work);
		return;
	}
	if (q->work != NULL)
		site_unpark(q);
	queue_remove(m, q);
}

bool
schedule_drain(struct master *m)
{
	link_end_idle();
	return relay_drain(m);
}
