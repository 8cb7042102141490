/*
 * Dry runs.  Recipients are resolved by the code that resolves them for mail,
 * and replies come from the same table.  Decisions that other files make
 * (admit.c: which clients get in; worker/smtp_cmd.c: the size) are repeated
 * here, and a test compares them with the replies that a client reads.
 */
#include "server/smtpctl/dryrun.h"

#include <stdio.h>
#include <string.h>

#include "server/log/counters.h"
#include "shared/verdict.h"

bool
dryrun_reply(const char *hostname, enum smtp_reply reply,
    char out[dryrun_reply_bytes])
{
	struct buf b = buf_over(out, dryrun_reply_bytes);

	/* The CRLF fits too, and is cut off. */
	smtp_reply_write(reply, span_of(hostname), span_of("ID"), &b);
	out[b.n < 2 ? 0 : b.n - 2] = '\0';
	return !smtp_reply_is_error(reply);
}

static void
tell(const struct dryrun *e, enum decision_kind kind, uint64_t a)
{
	e->watch.see(e->watch.arg, &(struct decision_step){ .kind = kind,
	    .a = a });
}

/* A step that a keyword of the limits block decided. */
static void
tell_limit(const struct dryrun *e, const char *limit, enum decision_kind kind,
    uint64_t a, uint64_t b)
{
	unsigned line = conf_line_of(e->conf, limit);

	e->watch.see(e->watch.arg, &(struct decision_step){ .kind = kind,
	    .path = line == 0 ? NULL : e->conf->path, .line = line,
	    .is_default = line == 0, .a = a, .b = b });
}

/* The reply with which admit.c turns a client away. */
static bool
turn_away(const struct dryrun *e, enum counter why,
    char reply[dryrun_reply_bytes])
{
	snprintf(reply, dryrun_reply_bytes, "421 4.7.0 %s %s",
	    e->conf->hostname, counters_rows[why].value);
	return false;
}

bool
dryrun_client(const struct dryrun *e, char reply[dryrun_reply_bytes])
{
	const struct conf_limits *l = &e->conf->limits;
	const struct dryrun_live *live = e->live;

	if (live != NULL && live->refused_ms > 0) {
		tell(e, STEP_REFUSED, live->refused_ms);
		return turn_away(e, COUNTER_REFUSED_A_WHILE, reply);
	}
	tell(e, live == NULL ? STEP_ONLY_LIVE : STEP_NOT_REFUSED, 0);
	if (live != NULL) {
		/* As admit.c and address_enter count sessions. */
		tell_limit(e, "per-address", live->here < l->per_address ?
		    STEP_SESSIONS_HERE : STEP_TOO_MANY_HERE, live->here,
		    l->per_address);
		tell_limit(e, "per-network", live->near < l->per_network ?
		    STEP_SESSIONS_NEAR : STEP_TOO_MANY_NEAR, live->near,
		    l->per_network);
		tell_limit(e, "workers", live->all < l->workers ?
		    STEP_SESSIONS_ALL : STEP_ALL_BUSY, live->all, l->workers);
		if (live->here >= l->per_address)
			return turn_away(e, COUNTER_REFUSED_SESSIONS, reply);
		if (live->near >= l->per_network)
			return turn_away(e, COUNTER_REFUSED_NETWORK, reply);
	}
	if (l->greeting_wait_s > 0)
		tell_limit(e, "greeting-wait", STEP_GREETING_WAIT,
		    l->greeting_wait_s, 0);
	return dryrun_reply(e->conf->hostname, REPLY_GREETING, reply);
}

/* Judges as spool_has_room does. */
static bool
has_room(const struct dryrun *e, uint64_t size)
{
	const struct conf_limits *l = &e->conf->limits;
	const struct dryrun_room *room = e->room;
	bool bytes, inodes;

	if (room == NULL) {
		tell(e, STEP_NO_DISK, 0);
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

bool
dryrun_mail(const struct dryrun *e, const struct ipc_mail *mail,
    char reply[dryrun_reply_bytes])
{
	uint64_t max = e->conf->limits.message_size_bytes;
	enum smtp_reply answer = REPLY_SENDER_OK;

	tell(e, STEP_ANY_SENDER, 0);
	if (mail->smtputf8)
		tell(e, STEP_UTF8, 0);
	if (mail->size > max)
		answer = REPLY_TOO_BIG;
	tell_limit(e, "message-size", mail->size > max ? STEP_TOO_BIG :
	    mail->size == 0 ? STEP_NO_SIZE : STEP_SIZE, mail->size, max);
	if (e->live == NULL && e->room == NULL)
		tell(e, STEP_ONLY_LIVE_DISK, 0);
	else if (!has_room(e, mail->size) && answer == REPLY_SENDER_OK)
		answer = verdict_reply(VERDICT_DISK_FULL, REPLY_SENDER_OK);
	return dryrun_reply(e->conf->hostname, answer, reply);
}

bool
dryrun_rcpt(struct dryrun *e, const struct mailbox *to,
    char reply[dryrun_reply_bytes])
{
	uint64_t max = e->conf->limits.recipients;
	enum smtp_reply answer = REPLY_TOO_MANY_RCPTS;
	struct recipient_reason reason = { .path = NULL };
	bool taken;

	if (e->taken >= max)
		tell_limit(e, "recipients", STEP_RCPTS_FULL, e->taken, max);
	else
		answer = verdict_reply(recipient_explain(e->conf, to, &e->set,
		    &reason, &e->watch), REPLY_RCPT_OK);
	taken = dryrun_reply(e->conf->hostname, answer, reply);
	e->taken += taken;
	return taken;
}
