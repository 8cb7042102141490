/* One message from MAIL to its commit; from then on it is in commit.c. */
#include "server/mail/message.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/log/catcher.h"
#include "server/log/ident.h"
#include "server/mail/commit.h"
#include "server/mail/maildir.h"
#include "shared/log.h"
#include "shared/trace_field.h"

enum { probes_max = 16 };	/* Maildirs probed, of one recipient */

/*
 * RFC 3848, and RFC 6531 4.3: "S" is for TLS, "A" for AUTH; neither has a word
 * for HELO with one of them.
 */
static const char *
protocol_of(const struct message *t)
{
	static const char *const words[2][2][2] = {
		{ { "ESMTP", "ESMTPA" }, { "ESMTPS", "ESMTPSA" } },
		{ { "UTF8SMTP", "UTF8SMTPA" }, { "UTF8SMTPS", "UTF8SMTPSA" } }
	};

	return !t->mail.esmtp ? "SMTP" : words[t->mail.smtputf8 != 0]
	    [t->client.tls != NULL][t->client.user[0] != '\0'];
}

bool
message_start(struct message *t, const struct message_client *from,
    const struct ipc_mail *mail)
{
	struct master *m = from->master;
	const struct conf_limits *l = &m->conf.limits;
	const bool has_room = spool_has_room(m->spool, l, mail->size);
	struct conf_room room;

	t->client = *from;
	t->mail = *mail;
	t->protocol = protocol_of(t);
	m->counters.value[has_room ? COUNTER_SENDERS :
	    COUNTER_SENDERS_DISK]++;
	if (!has_room && m->conf.catcher && spool_room(m->spool, &room))
		catcher_say(t->client.session, CATCHER_BAD, "no room for mail "
		    "in %s: its disk has %llu KiB and %llu inodes free, of "
		    "which %llu KiB and %llu stay so", m->conf.root,
		    (unsigned long long)room.free_bytes / 1024,
		    (unsigned long long)room.free_inodes,
		    (unsigned long long)l->disk_reserve_bytes / 1024,
		    (unsigned long long)l->inode_reserve);
	return has_room;
}

void
message_clear(struct message *t)
{
	if (t->delivery != NULL)
		commit_forget(t->delivery);
	if (t->id[0] != '\0')
		spool_discard(t->client.master->spool, t->id);
	recipient_set_clear(&t->boxes);
	queue_draft_clear(t->client.master, &t->draft);
	recipient_log_clear(&t->rcpts);
	memset(t, 0, sizeof(*t));
}

/*
 * Each recipient needs one usable Maildir: a user's own, or one that an alias
 * reaches.  0, and that one is marked needed; or errno, and *box is broken.
 */
static int
find_fit(const struct spool *spool, struct recipient_set *to, size_t before,
    const struct recipient_mailbox **box)
{
	int error = 0;

	for (size_t i = before; i < to->count && i < before + probes_max;
	    i++) {
		*box = &to->boxes[i];
		to->boxes[i].needed = maildir_probe(spool, *box) == 0;
		if (to->boxes[i].needed)
			return 0;
		error = errno;
	}
	return error;
}

/*
 * A client that may send out can ask for a report that a Maildir has the
 * message.  A stranger cannot: its sender may be forged, and gets no mail.
 */
static bool
wants_report(const struct message *t, const struct ipc_rcpt *rcpt)
{
	return t->client.relay_line != 0 &&
	    (rcpt->notify & DSN_SUCCESS) != 0 &&
	    !smtp_mailbox_is_null(&t->mail.from);
}

enum verdict
message_add(struct message *t, const struct ipc_rcpt *rcpt,
    struct recipient_reason *reason, size_t *named)
{
	const struct spool *spool = t->client.master->spool;
	const size_t count = t->boxes.count, marks = t->boxes.mark_count;
	const struct recipient_mailbox *box;
	enum verdict verdict;
	int error;

	verdict = recipient_expand(&t->client.epoch->conf, &rcpt->to,
	    &t->boxes, reason, NULL);
	*named = t->boxes.count - count;
	if (verdict == VERDICT_FOREIGN && recipient_leaves(
	    &t->client.epoch->conf, &rcpt->to, t->client.relay_line, reason,
	    NULL))
		return !queue_has_room(t->client.master) ? VERDICT_DISK_FULL :
		    queue_draft_add(&t->draft, rcpt, 0);
	error = find_fit(spool, &t->boxes, count, &box);
	if (error != 0) {
		delivery_log_failure(t, "open the Maildir", error, box, "");
		verdict = VERDICT_BROKEN;
	} else if (verdict == VERDICT_OK && wants_report(t, rcpt))
		verdict = queue_draft_add(&t->draft, rcpt, DSN_DELIVERED);
	if (verdict != VERDICT_OK)
		recipient_set_cut(&t->boxes, count, marks);
	return verdict;
}

/*
 * A file for Maildirs, one for the queue, or both: what Maildirs get is no file
 * for a worker that sends.  Return-Path is the receiver's (RFC 5321 4.4).
 */
static int
begin_files(struct message *t, struct span head, int64_t now_s, int fds[2])
{
	struct master *m = t->client.master;
	const struct ipc_mail *mail = &t->mail;
	struct envelope e = { .id = span_of(t->id), .queued_s = now_s,
	    .from = mail->from, .ret = mail->ret,
	    .envid = span_of(mail->envid),
	    .smtputf8 = mail->smtputf8 != 0 };

	t->head_bytes = head.n;
	if (t->boxes.count > 0 &&
	    spool_begin(m->spool, t->id, head, &fds[0]) == -1)
		return -1;
	if (t->draft.count == 0)
		return 0;
	(void)span_cut(&head, '\n');
	if (t->boxes.count == 0)
		t->head_bytes = head.n;
	return queue_draft_begin(m, &t->draft, &e, head,
	    &fds[t->boxes.count > 0]);
}

enum verdict
message_begin(struct message *t, int fds[2])
{
	const struct message_client *c = &t->client;
	const int64_t now_s = (int64_t)time(NULL);
	uint8_t storage[trace_field_max_bytes];
	struct buf head = buf_over(storage, sizeof(storage));
	struct trace trace = {
		.from = &t->mail.from,
		.helo = span_of(t->mail.helo),
		.client_ip = c->ip,
		.hostname = c->epoch->conf.hostname,
		.protocol = t->protocol,
		.suite = c->tls == NULL ? NULL : c->tls->suite,
		/* If it leaves, its host may take no header in UTF-8. */
		.only_rcpt = t->rcpt_count != 1 || (t->draft.count > 0 &&
		    smtp_mailbox_is_utf8(&t->first_rcpt)) ? NULL :
		    &t->first_rcpt,
		.id = t->id
	};
	int error;

	fds[0] = fds[1] = -1;
	if (c->hidden) {
		trace.helo = span_of(trace.hostname);
		trace.client_ip = "";
	}
	ident_make(t->id);
	trace_field_utc(now_s, &trace.utc);
	trace_field_write(&trace, &head);
	if (begin_files(t, buf_span(&head), now_s, fds) == 0)
		return VERDICT_OK;
	error = errno;
	if (fds[0] != -1)
		close(fds[0]);
	fds[0] = -1;
	delivery_log_failure(t, "create", error, NULL, "");
	message_clear(t);
	return delivery_trouble(error);
}

static enum spool_state
check_files(const struct message *t)
{
	const struct spool *s = t->client.master->spool;
	enum spool_state state = SPOOL_GOOD;

	if (t->boxes.count > 0)
		state = spool_check(s, t->id, t->size);
	if (t->draft.count > 0 && state == SPOOL_GOOD)
		state = spool_check(s, t->draft.name,
		    t->draft.head_bytes + t->commit.size);
	return state;
}

enum verdict
message_end(struct message *t, const struct ipc_commit *c,
    message_done *on_stored, void *arg, bool *broken)
{
	struct master *m = t->client.master;
	enum spool_state state;

	*broken = c->size > INT64_MAX;
	if (*broken)
		return VERDICT_TROUBLE;
	t->commit = *c;
	t->size = t->head_bytes + c->size;
	t->done = on_stored;
	t->arg = arg;
	state = check_files(t);
	*broken = state == SPOOL_BAD;
	if (state == SPOOL_GOOD && commit_add(t) == 0)
		return VERDICT_OK;
	if (!*broken)
		delivery_log_failure(t, state == SPOOL_GOOD ? "hold" : "stat",
		    errno, NULL, "");
	m->counters.value[COUNTER_UNSTORED]++;
	message_clear(t);
	return VERDICT_TROUBLE;
}

void
message_drop(struct message *t, int error)
{
	if (error != 0) {
		t->client.master->counters.value[COUNTER_UNSTORED]++;
		delivery_log_failure(t, "write", error, NULL, "");
	}
	message_clear(t);
}
