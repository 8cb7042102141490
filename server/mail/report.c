/*
 * Reports, as the master sees them: it opens the message, decides who wants a
 * report, has a worker write it, and commits it as mail from <> to the sender,
 * by our own tables.  It reads neither the message nor a reply.
 *
 * What a report is about may have been made to crash its worker.  So after some
 * crashes a short one is written, without a stranger's text in it.
 */
#include "server/mail/attempt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/log/ident.h"
#include "server/mail/message.h"
#include "shared/deadline.h"

enum {
	whole_tries = 3,	/* then it is short */
	tries_max = 6,
	again_s = 1,
	patience_ms = 10 * 60 * 1000
};

struct report {
	struct pool_wait	 wait;		/* for a worker */
	struct attempt		*attempt;
	void			(*done)(struct attempt *a);
	unsigned		 next;		/* kind */
	enum report_kind	 kind;
	struct event		 due;		/* next try */
	unsigned		 tries;
	/* Of this try: */
	struct worker		*worker;
	struct conf_epoch	*epoch;		/* NULL: nothing is open */
	int64_t			 due_ms;
	struct queue_open	 open;
	size_t			 fed;		/* of rcpts, each twice */
	const struct ipc_fact	*fact;		/* of the last; NULL: fed */
	char			 session[ipc_id_bytes + 1];
	int64_t			 paid_until_us;
	struct message		*tx;
	int			 error;		/* of its file */
	bool			 stored;
};

/* Its worker is gone, or never was. */
static void
end_try(struct report *r)
{
	if (r->epoch == NULL)
		return;
	message_drop(&r->tx, 0);
	queue_close(&r->open);
	conf_epoch_leave(r->epoch);
	r->epoch = NULL;
}

static void
wait_again(struct report *r, time_t s)
{
	end_try(r);
	event_add(&r->due, &(struct timeval){ s, 0 });
}

static void
go_on(struct report *r)
{
	struct attempt *a = r->attempt;
	void (*done)(struct attempt *) = r->done;

	pool_forgo(&r->wait);
	while (!a->removed && !a->lost && !a->master->stopping &&
	    r->next < REPORT_KIND_COUNT) {
		r->kind = (enum report_kind)r->next++;
		if (attempt_is_due(a, r->kind)) {
			r->tries = 0;
			wait_again(r, 0);
			return;
		}
	}
	free(r);
	done(a);
}

static void
finish(struct report *r, bool committed)
{
	end_try(r);
	attempt_reported(r->attempt, r->kind, committed);
	go_on(r);
}

/*
 * There is no report; never: and none is tried again.  A message that is not in
 * its Maildirs is: the next attempt looks up its recipients.
 */
static void
refuse(struct report *r, bool never, const char *why)
{
	never = never && r->kind != REPORT_LOCAL;
	log_put(LOG_LEVEL_WARNING, "report-failed",
	    "id=%.*s to=%s why=%s then=%s", (int)sizeof(r->attempt->q->id),
	    r->attempt->q->id, r->epoch != NULL ?
	    log_address(&r->open.envelope.from) : "", why,
	    never ? "there is none" : "tried again later");
	finish(r, never);
}

/* Without NOTIFY it wants failures and delays (RFC 3461 4.1). */
static bool
is_wanted(const struct report *r, const struct attempt_rcpt *to,
    struct ipc_rcpt *out)
{
	static const uint8_t bits[REPORT_KIND_COUNT] = { DSN_FAILURE,
	    DSN_DELAY, DSN_SUCCESS, 0, DSN_SUCCESS };
	struct span at = span_skip(r->open.envelope.rcpts, to->offset);

	if (!attempt_is_reported(to, r->kind) || !envelope_next(&at, out))
		return false;
	out->notify &= DSN_NOTIFY_ALL;
	return r->kind == REPORT_LOCAL || (bits[r->kind] &
	    (out->notify != 0 ? out->notify : DSN_FAILURE | DSN_DELAY)) != 0;
}

/* RCPT_TO and FACT in turn, of all, and then once more. */
static bool
feed(void *owner, struct ipc_record *out, int *pass)
{
	static const struct ipc_fact stored = { .outcome = { .code = 250,
	    .stage = RELAY_DOT, .end = RELAY_END_REPLY } };
	struct report *r = owner;
	const struct attempt *a = r->attempt;
	struct ipc_outcome *o = &out->u.fact.outcome;
	const struct attempt_rcpt *to;
	struct ipc_rcpt rcpt;

	if (r->fact != NULL) {
		out->type = IPC_FACT;
		out->u.fact = *r->fact;
		o->index = relay_all;
		if (r->tries >= whole_tries) {
			o->n = 0;
			out->u.fact.host[0] = '\0';
		}
		r->fact = NULL;
		return true;
	}
	while (r->fed < 2 * a->count && r->fact == NULL) {
		to = &a->rcpts[r->fed++ % a->count];
		if (is_wanted(r, to, &rcpt))
			r->fact = to->fact != NULL ? &to->fact->fact : &stored;
	}
	if (r->fact == NULL)
		return false;
	out->type = IPC_RCPT_TO;
	out->u.rcpt = rcpt;
	return true;
}

/* The record that begins the job; false: nobody wants this report. */
static bool
describe(struct report *r, struct ipc_record *out)
{
	const struct attempt *a = r->attempt;
	const struct envelope *e = &r->open.envelope;
	struct ipc_report *about = &out->u.report;
	struct ipc_rcpt rcpt;

	*out = (struct ipc_record){ .type = IPC_REPORT, .u.report = {
	    .kind = (uint8_t)r->kind, .ret = e->ret, .to = e->from,
	    .arrived_s = e->queued_s, .until_s = a->q->queued_s +
	    (int64_t)a->master->conf.relay.give_up_after_s,
	    .at = r->open.at, .flags = r->open.flags } };
	for (size_t i = 0; i < a->count; i++)
		if (is_wanted(r, &a->rcpts[i], &rcpt)) {
			about->count++;
			about->utf8 |= smtp_mailbox_is_utf8(&rcpt.to);
		}
	span_copy(e->envid, about->envid);
	if (r->tries < whole_tries || r->kind == REPORT_LOCAL)
		about->size = r->open.size;
	return about->count > 0 && (r->kind == REPORT_LOCAL ||
	    !smtp_mailbox_is_null(&e->from));
}

static enum verdict
add(struct report *r, const struct mailbox *to)
{
	struct ipc_rcpt rcpt = { .to = *to };
	struct recipient_reason reason = { .path = NULL };
	size_t named;
	enum verdict verdict = message_add(r->tx, &rcpt, &reason, &named);

	recipient_log_add(&r->tx->rcpts, to, smtp_reply_verdict(verdict),
	    &reason);
	r->tx->first_rcpt = *to;
	r->tx->rcpt_count++;
	return verdict;
}

/* Addresses the report to the sender; the message itself, to its recipients. */
static enum verdict
address(struct report *r)
{
	const struct mailbox *from = &r->open.envelope.from;
	const bool local = r->kind == REPORT_LOCAL;
	struct conf *conf = &r->epoch->conf;
	const bool utf8 = smtp_mailbox_is_utf8(from);
	struct ipc_mail mail = { .esmtp = utf8, .smtputf8 = utf8 };
	enum verdict verdict = VERDICT_OK;
	struct ipc_rcpt rcpt;

	if (local)
		mail.from = *from;
	ident_make(r->session);
	strlcpy(mail.helo, conf->hostname, sizeof(mail.helo));
	/* It may use the reserve of the disk. */
	(void)message_start(&(struct message_client){
	    .master = r->attempt->master, .epoch = r->epoch,
	    .session = r->session, .user = "", .ip = "", .hidden = true,
	    .paid_until_us = &r->paid_until_us,
	    .relay_line = local ? 0 : conf->relay.line }, &mail, &r->tx);
	if (r->tx == NULL)
		return VERDICT_TROUBLE;
	if (!local)
		return add(r, from);
	for (size_t i = 0; i < r->attempt->count && verdict == VERDICT_OK; i++)
		if (is_wanted(r, &r->attempt->rcpts[i], &rcpt))
			verdict = add(r, &rcpt.to);
	return verdict;
}

static int
begin(void *owner, struct worker *w)
{
	struct report *r = owner;
	struct ipc_record first;
	enum verdict verdict;

	if (queue_open(r->attempt->master, r->attempt->q, &r->open) == -1) {
		r->attempt->lost = errno == ENOENT || errno == EBADMSG;
		refuse(r, r->attempt->lost, strerror(errno));
		return 0;
	}
	r->epoch = conf_epoch_enter(r->attempt->master->epoch);
	if (!describe(r, &first)) {
		r->attempt->master->counters.value[COUNTER_DOUBLE_BOUNCES] +=
		    r->kind == REPORT_FAILED && first.u.report.count > 0;
		finish(r, true);
		return 0;
	}
	verdict = address(r);
	if (verdict != VERDICT_OK) {
		refuse(r, verdict == VERDICT_UNKNOWN,
		    smtp_reply_verdict(verdict));
		return 0;
	}
	if (pool_send(w, &first, r->open.fd) == -1) {
		const int error = errno;

		end_try(r);
		errno = error;
		return -1;
	}
	r->worker = w;
	r->due_ms = deadline_now_ms() + patience_ms;
	r->stored = false;
	r->error = 0;
	r->fed = 2 * r->attempt->count;
	r->fact = NULL;
	return IPC_AT_RCPT;
}

static void
on_due(evutil_socket_t fd, short what, void *arg)
{
	struct report *r = arg;

	pool_want(r->attempt->master, &report_use, &r->wait, r);
}

void
report_all(struct attempt *a, void (*done)(struct attempt *a))
{
	struct report *r = calloc(1, sizeof(*r));

	if (r == NULL) {
		done(a);
		return;
	}
	r->attempt = a;
	r->done = done;
	event_assign(&r->due, a->master->base, -1, 0, on_due, r);
	go_on(r);
}

/* What our Maildirs would get is not what was queued: that is a failure. */
static void
judge_damaged(struct report *r)
{
	struct attempt *a = r->attempt;
	const struct queue_fact *f = attempt_keep(a, &(struct queue_fact){
	    .fact = { .outcome = { .stage = RELAY_DATA,
	    .end = RELAY_END_DAMAGED }, .tried_s = queue_now_s(a->master) } });

	for (struct attempt_rcpt *to = a->rcpts; to < a->rcpts + a->count; to++)
		if (to->state == ATTEMPT_OURS) {
			to->state = ATTEMPT_WAITS;
			attempt_judge(a, to, REPLY_FAILED, f);
		}
	r->next = REPORT_FAILED;
}

/* Not stored: what it is about may be the reason, but for a full disk. */
static void
fail(struct report *r, const char *why)
{
	if (r->next == REPORT_FAILED)
		finish(r, false);
	else if (r->error != ENOSPC && r->error != EDQUOT &&
	    ++r->tries < tries_max)
		wait_again(r, again_s);
	else
		refuse(r, false, why);
}

static void
on_lost(void *owner, const char *how)
{
	struct report *r = owner;

	r->worker = NULL;
	if (r->stored)
		finish(r, true);
	else if (r->tx == NULL || r->tx->done == NULL)
		/* Else on_stored() comes. */
		fail(r, how);
}

/* Sends type, or the verdict.  False: the worker is gone, perhaps r, too. */
static bool
answer(struct report *r, enum ipc_type type, enum verdict verdict, int fd)
{
	struct ipc_record out = { .type = type };

	if (verdict == VERDICT_DISK_FULL)
		r->error = ENOSPC;
	pool_permit(r->worker, verdict == VERDICT_OK && type == IPC_FILE ?
	    IPC_AT_DATA : IPC_AT_SESSION);
	if (verdict != VERDICT_OK) {
		out.type = IPC_VERDICT;
		out.u.verdict.reply = smtp_reply_of(verdict, REPLY_STORED);
	}
	if (pool_send(r->worker, &out, fd) == 0)
		return true;
	pool_lost(r->worker, "worker gone before its answer");
	return false;
}

/* The report is durable; or verdict says why not. */
static void
on_stored(void *arg, enum verdict verdict, const struct message *t, int64_t us)
{
	struct report *r = arg;

	r->tx = NULL;
	r->stored = verdict == VERDICT_OK;
	if (r->stored)
		queue_log_notice(r->attempt->master, r->attempt->q, r->kind,
		    t->id);
	if (r->worker == NULL)
		on_lost(r, smtp_reply_verdict(verdict));
	else
		answer(r, IPC_VERDICT, verdict, -1);
}

static bool
on_record(void *owner, const struct ipc_record *in)
{
	struct report *r = owner;
	struct worker *w = r->worker;
	enum verdict verdict = VERDICT_OK;
	int fds[2] = { -1, -1 };

	if (in->type == IPC_BEGIN) {
		/* One recipient, or Maildirs alone: one file. */
		verdict = message_begin(r->tx, fds);
		if (answer(r, IPC_FILE, verdict, fds[0]) &&
		    verdict == VERDICT_OK && r->kind != REPORT_LOCAL) {
			r->fed = 0;
			pool_feed(w);
		}
		if (fds[0] != -1)
			close(fds[0]);
	} else if (in->type == IPC_COMMIT && r->kind == REPORT_LOCAL &&
	    in->u.commit.lines != r->open.lines) {
		judge_damaged(r);
		message_drop(&r->tx, 0);
		answer(r, IPC_VERDICT, VERDICT_TROUBLE, -1);
	} else if (in->type == IPC_COMMIT) {
		pool_permit(w, IPC_AT_COMMIT);
		verdict = message_end(r->tx, &in->u.commit, on_stored, r);
		if (verdict != VERDICT_OK && verdict != VERDICT_BROKEN)
			answer(r, IPC_VERDICT, verdict, -1);
	} else if (in->type == IPC_RESET) {
		r->error = (int)in->u.number.n;
		message_drop(&r->tx, r->error);
		pool_permit(w, IPC_AT_SESSION);
	} else if (in->type == IPC_END) {
		pool_release(w);
		on_lost(r, "it could not be stored");
	} else
		return false;
	return verdict != VERDICT_BROKEN;
}

static void
see(const void *owner, struct pool_sight *out)
{
	const struct report *r = owner;

	out->state = "report";
	out->due_ms = r->due_ms;
	memcpy(out->blame, r->attempt->q->id, sizeof(r->attempt->q->id));
}

/* The message that the worker read: nobody is penalized for it. */
static void
accuse(struct master *m, const void *blame, struct log_line *l)
{
	log_add(l, "id=%.*s", (int)sizeof(((struct queued *)NULL)->id),
	    (const char *)blame);
}

const struct worker_use report_use = {
	.most = 4,
	.begin = begin,
	.feed = feed,
	.on_record = on_record,
	.on_lost = on_lost,
	.see = see,
	.accuse = accuse
};
