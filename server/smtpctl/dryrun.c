/*
 * Dry runs.  Recipients are followed by the code that follows them for mail,
 * and replies stand in the one table; what is decided elsewhere (admit.c:
 * who gets in; worker/smtp_cmd.c: the size) is repeated here, and a test
 * compares it with what a client reads.
 */
#include "server/smtpctl/dryrun.h"

#include <stdio.h>
#include <string.h>

#include "server/log/counters.h"
#include "shared/verdict.h"

void
dryrun_reply(const struct conf *conf, enum smtp_reply reply,
    struct dryrun_reply *out)
{
	struct buf b;

	memset(out, 0, sizeof(*out));
	/* The CRLF fits too, and becomes the end. */
	b = buf_over(out->text, sizeof(out->text));
	smtp_reply_write(reply, span_of(conf->hostname), span_of("ID"), &b);
	if (b.n >= 2)
		memset(b.p + b.n - 2, 0, 2);
	out->accepted = !smtp_reply_is_error(reply);
}

static void
tell(const struct dryrun *e, enum decision_kind step, uint64_t a, uint64_t b)
{
	struct decision_step t;

	memset(&t, 0, sizeof(t));
	t.kind = step;
	t.a = a;
	t.b = b;
	e->sink(e->arg, &t, NULL);
}

/* A step that a keyword of the limits block decided. */
static void
tell_limit(const struct dryrun *e, const char *limit, enum decision_kind step,
    uint64_t a, uint64_t b)
{
	struct decision_step t;

	memset(&t, 0, sizeof(t));
	t.kind = step;
	t.a = a;
	t.b = b;
	t.line = conf_line_of(e->conf, limit);
	t.place = t.line == 0 ? PLACE_DEFAULT : PLACE_LINE;
	e->sink(e->arg, &t, t.line == 0 ? NULL : e->conf->path);
}

/* As admit.c turns a client away. */
static void
turn_away(const struct dryrun *e, enum counter why,
    struct dryrun_reply *out)
{
	memset(out, 0, sizeof(*out));
	snprintf(out->text, sizeof(out->text), "421 4.7.0 %s %s",
	    e->conf->hostname, counters_rows[why].value);
}

/* As admit.c and address_enter count sessions. */
static void
count_sessions(const struct dryrun *e, struct dryrun_reply *out)
{
	const struct conf_limits *l = &e->conf->limits;
	uint64_t here = e->live->here.sessions, near = e->live->near;
	uint64_t all = e->live->sessions;

	tell_limit(e, "per-address", here < l->per_address ?
	    STEP_SESSIONS_HERE : STEP_TOO_MANY_HERE, here, l->per_address);
	tell_limit(e, "per-network", near < l->per_network ?
	    STEP_SESSIONS_NEAR : STEP_TOO_MANY_NEAR, near, l->per_network);
	tell_limit(e, "workers", all < l->workers ? STEP_SESSIONS_ALL :
	    STEP_ALL_BUSY, all, l->workers);
	if (here >= l->per_address)
		turn_away(e, COUNTER_REFUSED_SESSIONS, out);
	else if (near >= l->per_network)
		turn_away(e, COUNTER_REFUSED_NETWORK, out);
}

void
dryrun_client(const struct dryrun *e, struct dryrun_reply *out)
{
	uint64_t wait = e->conf->limits.greeting_wait_s;

	dryrun_reply(e->conf, REPLY_GREETING, out);
	if (e->live == NULL)
		tell(e, STEP_ONLY_LIVE, 0, 0);
	else if (e->live->here.refused_ms > 0) {
		tell(e, STEP_REFUSED, e->live->here.refused_ms, 0);
		turn_away(e, COUNTER_REFUSED_A_WHILE, out);
	} else {
		tell(e, STEP_NOT_REFUSED, 0, 0);
		count_sessions(e, out);
	}
	if (out->accepted && wait > 0)
		tell_limit(e, "greeting-wait", STEP_GREETING_WAIT, wait, 0);
}

/* As spool_has_room judges it. */
static bool
dryrun_room(const struct dryrun *e, uint64_t size)
{
	const struct conf_limits *l = &e->conf->limits;
	const struct spool_room *room = e->room;
	bool bytes, inodes;

	if (room == NULL) {
		tell(e, STEP_NO_DISK, 0, 0);
		return false;
	}
	bytes = room->free_bytes >= l->disk_reserve_bytes &&
	    room->free_bytes - l->disk_reserve_bytes >= size;
	inodes = room->total_inodes == 0 ||
	    room->free_inodes >= l->inode_reserve;
	tell_limit(e, "disk-reserve", bytes ? STEP_ROOM : STEP_NO_ROOM,
	    room->free_bytes, l->disk_reserve_bytes);
	if (room->total_inodes != 0)
		tell_limit(e, "inode-reserve", inodes ? STEP_INODES :
		    STEP_NO_INODES, room->free_inodes, l->inode_reserve);
	return bytes && inodes;
}

void
dryrun_mail(const struct dryrun *e, const struct ipc_mail *mail,
    struct dryrun_reply *out)
{
	uint64_t max = e->conf->limits.message_size_bytes;
	enum smtp_reply reply = REPLY_SENDER_OK;

	tell(e, STEP_ANY_SENDER, 0, 0);
	if (mail->smtputf8)
		tell(e, STEP_UTF8, 0, 0);
	if (mail->size > max) {
		tell_limit(e, "message-size", STEP_TOO_BIG, mail->size, max);
		reply = REPLY_TOO_BIG;
	} else
		tell_limit(e, "message-size", mail->size == 0 ?
		    STEP_NO_SIZE : STEP_SIZE, mail->size, max);
	if (e->live == NULL && e->room == NULL)
		tell(e, STEP_ONLY_LIVE_DISK, 0, 0);
	else if (!dryrun_room(e, mail->size) && reply == REPLY_SENDER_OK)
		reply = verdict_reply(VERDICT_DISK_FULL, REPLY_SENDER_OK);
	dryrun_reply(e->conf, reply, out);
}

static void
fill_mailbox(const struct recipient_sight *s, struct mailbox *out)
{
	memset(out, 0, sizeof(*out));
	if (s->local.n <= sizeof(out->local)) {
		out->local_len = (uint8_t)s->local.n;
		if (s->local.n > 0)
			memcpy(out->local, s->local.p, s->local.n);
	}
	if (s->domain != NULL &&
	    strlen(s->domain->name) <= sizeof(out->domain)) {
		out->domain_len = (uint8_t)strlen(s->domain->name);
		memcpy(out->domain, s->domain->name, out->domain_len);
	}
}

/* A step of recipient.c, for the sink. */
static void
on_step(void *arg, const struct recipient_sight *s)
{
	const struct dryrun *e = arg;
	struct decision_step t;

	memset(&t, 0, sizeof(t));
	t.kind = s->step;
	t.depth = s->depth;
	t.line = s->line;
	t.place = s->path == NULL ? PLACE_NONE : s->line == 0 ? PLACE_FILE :
	    PLACE_LINE;
	t.a = s->count;
	fill_mailbox(s, &t.who);
	e->sink(e->arg, &t, s->path);
}

void
dryrun_rcpt(const struct dryrun *e, const struct mailbox *to,
    uint64_t before, struct dryrun_reply *out)
{
	uint64_t max = e->conf->limits.recipients;
	struct dryrun copy = *e;
	const struct recipient_watch watch = { on_step, &copy };
	struct recipient_reason reason = { .path = NULL };
	struct recipient_set set = { 0 };
	enum verdict verdict;

	if (before >= max) {
		tell_limit(e, "recipients", STEP_RCPTS_FULL, before, max);
		dryrun_reply(e->conf, REPLY_TOO_MANY_RCPTS, out);
		return;
	}
	verdict = recipient_answer(recipient_explain(e->conf, to, &set,
	    &reason, &watch));
	recipient_set_clear(&set);
	dryrun_reply(e->conf, verdict_reply(verdict, REPLY_RCPT_OK), out);
}
