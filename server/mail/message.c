/*
 * One message from MAIL to its answer.  Of its delivery commit.c has the order.
 */
#include "server/mail/message.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/log/catcher.h"
#include "server/log/ident.h"
#include "server/log/log_message.h"
#include "shared/deadline.h"
#include "shared/file.h"
#include "shared/trace_field.h"

enum {
	slow_us = 1000 * 1000,	/* a delivery that takes longer is logged */
	name_host_bytes = 128,
	logged_to_max_bytes = 4 * 1024	/* of mailboxes, in the message log */
};

/* ---- the log ------------------------------------------------------------ */

/*
 * Event store-failed: error of what was tried, with the Maildir box; or NULL:
 * with the file of t.  then: what follows from it; or "".
 */
static void
log_failure(const struct message *t, const char *what, int error,
    const struct recipient_mailbox *box, const char *then)
{
	char path[sizeof("spool/incoming/") + sizeof(t->draft.name)];
	struct conf_room room;
	struct log_line l;

	log_begin(&l, LOG_LEVEL_ERROR, "store-failed");
	log_add(&l, "session=%s id=%s what=%s", t->session, t->id, what);
	if (box != NULL)
		maildir_log_place(&l, box);
	else {
		snprintf(path, sizeof(path), "spool/incoming/%s%s", t->id,
		    t->boxes.count == 0 ? ".q" : "");
		log_add(&l, "path=%s", path);
	}
	log_add(&l, "why=%s", strerror(error));
	if ((error == ENOSPC || error == EDQUOT) &&
	    spool_room(t->client.master->spool, &room))
		log_add(&l, "free_bytes=%zu free_inodes=%zu",
		    (size_t)room.free_bytes, (size_t)room.free_inodes);
	log_add(&l, "then=%s", then);
	log_end(&l);
}

void
message_log_slow(struct message *t, bool ended)
{
	int64_t us = deadline_now_us() - t->begun_us;

	if (ended ? !t->slow : t->slow || us < slow_us)
		return;
	t->slow = true;
	log_put(LOG_LEVEL_INFO, ended ? "delivery-ended" : "delivery-slow",
	    "session=%s id=%s mailboxes=%zu done=%zu made=%zu ms=%zu why=%s",
	    t->session, t->id, t->boxes.count, t->maildirs.at,
	    (size_t)t->maildirs.made, (size_t)us / 1000,
	    t->error != 0 ? strerror(t->error) : "");
}

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

void
message_record(const struct message *t)
{
	struct master *m = t->client.master;
	char from[smtp_mailbox_text_max_bytes], to_text[logged_to_max_bytes];
	struct buf to = buf_over(to_text, sizeof(to_text));
	struct log_record r = {
		.id = span_of(t->id), .session = span_of(t->session),
		.client = span_of(t->client.ip), .port = t->client.port,
		.helo = span_of(t->mail.helo),
		.protocol = span_of(protocol_of(t)),
		.user = span_of(t->client.user),
		.from = span_from(from,
		    smtp_mailbox_text(&t->mail.from, from)),
		.size = t->size, .file = span_of(t->name),
		.mailboxes = t->boxes.count, .recipients = t->rcpts.count,
		.rcpt = buf_span(&t->rcpts.text),
		.event = t->draft.count == 0 ? LOG_EVENT_STORE :
		    LOG_EVENT_QUEUE,
		.remote = t->draft.count
	};

	recipient_log_mailboxes(&t->boxes, &to);
	r.to = buf_span(&to);
	log_message_add(m->log, &r);
	log_put(LOG_LEVEL_INFO, t->draft.count == 0 ? "store" : "queue",
	    "session=%s id=%s user=%s from=%s to=%s recipients=%zu "
	    "mailboxes=%zu remote?=%zu size=%zu", t->session, t->id,
	    t->client.user, log_address(&t->mail.from),
	    log_address(&t->first_rcpt), (size_t)t->rcpt_count,
	    t->boxes.count, t->draft.count, (size_t)t->size);
	if (!m->conf.catcher)
		return;
	catcher_message(t->session, m->spool->mail, t->boxes.boxes[0].user,
	    t->name, t->size);
	for (size_t i = 0; i < t->boxes.count; i++)
		catcher_say(t->session, CATCHER_KEPT, "kept for %s: "
		    "%s/new/%s", t->boxes.boxes[i].user,
		    t->boxes.boxes[i].user, t->name);
}

/* ---- begin and end ------------------------------------------------------ */

static enum verdict
trouble(int error)
{
	return error == ENOSPC || error == EDQUOT ? VERDICT_DISK_FULL :
	    VERDICT_TROUBLE;
}

enum verdict
message_start(const struct message_client *from, const struct ipc_mail *mail,
    struct message **out)
{
	struct master *m = from->master;
	const struct conf_limits *l = &m->conf.limits;
	struct message *t = *out = calloc(1, sizeof(*t));
	struct conf_room room;

	if (t == NULL)
		return VERDICT_TROUBLE;
	t->client = *from;
	(void)conf_epoch_enter(from->epoch);
	strlcpy(t->session, from->session, sizeof(t->session));
	t->mail = *mail;
	if (spool_has_room(m->spool, l, mail->size)) {
		m->counters.value[COUNTER_SENDERS]++;
		return VERDICT_OK;
	}
	m->counters.value[COUNTER_SENDERS_DISK]++;
	if (m->conf.catcher && spool_room(m->spool, &room))
		catcher_say(t->session, CATCHER_BAD, "no room for mail "
		    "in %s: its disk has %llu KiB and %llu inodes free, of "
		    "which %llu KiB and %llu stay so", m->conf.root,
		    (unsigned long long)room.free_bytes / 1024,
		    (unsigned long long)room.free_inodes,
		    (unsigned long long)l->disk_reserve_bytes / 1024,
		    (unsigned long long)l->inode_reserve);
	return VERDICT_DISK_FULL;
}

static void
clear(struct message *t)
{
	struct master *m = t->client.master;

	if (t->id[0] != '\0' && t->boxes.count > 0)
		spool_discard(m->spool, t->id);
	queue_draft_clear(m, &t->draft);
	recipient_set_clear(&t->boxes);
	recipient_log_clear(&t->rcpts);
}

void
message_drop(struct message **at, int error)
{
	struct message *t = *at;

	*at = NULL;
	if (t == NULL)
		return;
	if (error != 0) {
		t->client.master->counters.value[COUNTER_UNSTORED]++;
		log_failure(t, "write", error, NULL, "");
	}
	if (t->done != NULL) {
		commit_forget(t);
		return;
	}
	clear(t);
	conf_epoch_leave(t->client.epoch);
	free(t);
}

void
message_finish(struct message *t)
{
	struct counters *c = &t->client.master->counters;
	const int64_t us = deadline_now_us() - t->begun_us;

	message_log_slow(t, true);
	if (t->done != NULL && t->error == 0) {
		c->value[COUNTER_STORED]++;
		c->value[COUNTER_STORED_OCTETS] += t->size;
		c->value[COUNTER_QUEUED] += t->draft.count > 0;
		c->value[COUNTER_DELIVERED] += t->boxes.count;
		counters_note(c, HISTOGRAM_COMMIT, (uint64_t)us);
	} else if (t->done != NULL)
		c->value[COUNTER_UNSTORED]++;
	clear(t);
	if (t->done != NULL)
		t->done(t->arg, t->error == 0 ? VERDICT_OK :
		    trouble(t->error), t, us);
	if (t->queued != NULL)
		queue_admit(t->client.master, t->queued);
	conf_epoch_leave(t->client.epoch);
	free(t);
}

/* ---- recipients --------------------------------------------------------- */

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
	const struct master *m = t->client.master;
	const struct conf *conf = &t->client.epoch->conf;
	const size_t count = t->boxes.count, marks = t->boxes.mark_count;
	const struct recipient_mailbox *box;
	enum verdict verdict;
	int error;

	verdict = recipient_expand(conf, &rcpt->to, &t->boxes, reason, NULL);
	*named = t->boxes.count - count;
	if (verdict == VERDICT_FOREIGN && recipient_leaves(conf, &rcpt->to,
	    t->client.relay_line, reason, NULL))
		return queue_count(m)->messages <
		    m->conf.limits.queue_messages ?
		    queue_draft_add(&t->draft, rcpt, 0) : VERDICT_DISK_FULL;
	error = maildir_find_fit(m->spool, &t->boxes, count, &box);
	if (error != 0) {
		log_failure(t, "open the Maildir", error, box, "");
		verdict = VERDICT_BROKEN;
	}
	/* If it is among those of others, none of these may fail alone. */
	for (size_t i = 0; verdict == VERDICT_OK && *named == 0 && i < count;
	    i++)
		t->boxes.boxes[i].needed = true;
	if (verdict == VERDICT_OK && wants_report(t, rcpt))
		verdict = queue_draft_add(&t->draft, rcpt, DSN_DELIVERED);
	if (verdict != VERDICT_OK)
		recipient_set_cut(&t->boxes, count, marks);
	return verdict;
}

/* ---- files -------------------------------------------------------------- */

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
		.protocol = protocol_of(t),
		.suite = c->tls == NULL ? NULL : c->tls->suite,
		/* If it leaves, its host may take no header in UTF-8. */
		.only_rcpt = t->rcpt_count != 1 || (t->draft.count > 0 &&
		    smtp_mailbox_is_utf8(&t->first_rcpt)) ? NULL :
		    &t->first_rcpt,
		.id = t->id, .now_s = now_s
	};
	int error;

	fds[0] = fds[1] = -1;
	if (c->hidden) {
		trace.helo = span_of(trace.hostname);
		trace.client_ip = "";
	}
	ident_make(t->id);
	trace_field_write(&trace, &head);
	if (begin_files(t, buf_span(&head), now_s, fds) == 0)
		return VERDICT_OK;
	error = errno;
	file_close(fds[0]);
	fds[0] = -1;
	log_failure(t, "create", error, NULL, "");
	return trouble(error);
}

static int
check_files(const struct message *t)
{
	const struct spool *s = t->client.master->spool;

	if (t->boxes.count > 0 && spool_check(s, t->id, t->size) == -1)
		return -1;
	return t->draft.count == 0 ? 0 : spool_check(s, t->draft.name,
	    t->draft.head_bytes + t->commit.size);
}

/*
 * Its name in Maildirs is SECONDS.ID.HOST,S=SIZE: unique by the id, and what
 * Dovecot reads.  HOST is cut: a file name has 255 octets, and readers add
 * flags.
 */
enum verdict
message_end(struct message *t, const struct ipc_commit *c,
    message_done *done, void *arg)
{
	struct master *m = t->client.master;

	t->commit = *c;
	t->size = t->head_bytes + c->size;
	if (check_files(t) == -1) {
		m->counters.value[COUNTER_UNSTORED]++;
		if (errno == EPROTO)
			return VERDICT_BROKEN;
		log_failure(t, "stat", errno, NULL, "");
		return VERDICT_TROUBLE;
	}
	snprintf(t->name, sizeof(t->name), "%lld.%s.%.*s,S=%llu",
	    (long long)time(NULL), t->id, name_host_bytes, m->conf.hostname,
	    (unsigned long long)t->size);
	t->done = done;
	t->arg = arg;
	t->maildirs = (struct maildir_delivery){ .spool = m->spool,
	    .to = &t->boxes, .id = t->id, .name = t->name, .size = t->size };
	t->begun_us = deadline_now_us();
	commit_add(t);
	return VERDICT_OK;
}

/* ---- delivery ----------------------------------------------------------- */

void
message_fail(struct message *t, const char *what, int error,
    const struct recipient_mailbox *where)
{
	t->error = error;
	log_failure(t, what, error, where, "");
}

/*
 * One broken Maildir of an alias fails for its user alone.  What that user
 * misses is logged; the last mailbox takes its place in the list.
 */
static bool
deliver(struct message *t, struct maildir_batch *b, size_t most)
{
	int64_t until = deadline_now_us() + message_piece_us;
	struct recipient_set *to = &t->boxes;

	for (size_t i = 0; i < most && t->maildirs.at < to->count; i++) {
		struct recipient_mailbox *box = &to->boxes[t->maildirs.at];
		enum maildir_result got;
		int error;

		if (i > 0 && (deadline_now_us() >= until ||
		    !maildir_has_room(b, 1)))
			break;
		got = maildir_deliver(b, &t->maildirs);
		error = errno;
		if (got == MAILDIR_MORE)
			break;
		if (got == MAILDIR_DONE)
			continue;
		/* Errors that all Maildirs have, now or soon, are no miss. */
		if (box->needed || error == ENOSPC || error == EDQUOT ||
		    error == ENOMEM || error == EMFILE || error == ENFILE) {
			message_fail(t, t->maildirs.what, error, box);
			return false;
		}
		log_failure(t, t->maildirs.what, error, box,
		    "the others of the alias have it, this one misses it");
		*box = to->boxes[--to->count];
	}
	return true;
}

bool
message_is_complete(const struct message *t)
{
	return t->maildirs.at == t->boxes.count &&
	    (t->draft.count == 0 || t->queued != NULL);
}

bool
message_go_on(struct message *t, struct maildir_batch *b, size_t most)
{
	if (!deliver(t, b, most))
		return false;
	if (t->maildirs.at < t->boxes.count || message_is_complete(t) ||
	    !maildir_has_room(b, 3))
		return true;
	t->queued = queue_draft_enter(t->client.master, &t->draft,
	    &t->commit, b);
	if (t->queued == NULL)
		message_fail(t, "move into the queue", errno, NULL);
	return t->queued != NULL;
}

/* A user may have read t already, and so moved it: it stays there. */
bool
message_take_back(struct message *t, size_t most)
{
	struct maildir_delivery *d = &t->maildirs;
	int64_t until = deadline_now_us() + message_piece_us;
	struct log_line l;

	if (t->queued != NULL)
		queue_remove(t->client.master, t->queued);
	t->queued = NULL;
	for (size_t i = 0; i < most && (d->at > 0 || d->done > 0) &&
	    (i == 0 || deadline_now_us() < until); i++) {
		if (maildir_take_back(d) == 0)
			continue;
		t->left_in = t->boxes.boxes[d->at];
		t->left++;
	}
	if (d->at > 0 || d->done > 0)
		return false;
	if (t->left == 0)
		return true;
	/* A client that gets 451 may retry: these will have it twice. */
	log_begin(&l, LOG_LEVEL_ERROR, "store-left");
	log_add(&l, "session=%s id=%s mailboxes=%zu", t->session, t->id,
	    t->left);
	maildir_log_place(&l, &t->left_in);
	log_add(&l, "file=%s", t->name);
	log_end(&l);
	return true;
}
