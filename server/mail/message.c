/*
 * One message between MAIL and its commit.  What its worker says has been
 * checked; what is done about it in Maildirs and spool is here.  Where it
 * goes from its commit on is commit.c.
 */
#include "server/mail/message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "server/log/catcher.h"
#include "server/log/ident.h"
#include "server/log/log_message.h"
#include "server/mail/commit.h"
#include "server/mail/maildir.h"
#include "server/mail/recipient_set.h"
#include "server/mail/spool.h"
#include "server/process/pool.h"
#include "server/process/tls_log.h"
#include "server/session/session.h"
#include "shared/log.h"
#include "shared/trace_field.h"

enum {
	probes_max = 16,	/* Maildirs looked at, of one recipient */
	logged_to_max_bytes = 4 * 1024	/* of mailboxes, in the message log */
};

/*
 * RFC 3848, and RFC 6531 4.3: "S" is for TLS, "A" for who has logged in; none
 * has a word for HELO with either.
 */
static const char *
protocol_of(const struct session *s, const struct ipc_mail *mail)
{
	bool a = s->user[0] != '\0';

	if (!mail->esmtp)
		return "SMTP";
	if (mail->smtputf8)
		return s->tls_on ? (a ? "UTF8SMTPSA" : "UTF8SMTPS") :
		    a ? "UTF8SMTPA" : "UTF8SMTP";
	return s->tls_on ? (a ? "ESMTPSA" : "ESMTPS") :
	    a ? "ESMTPA" : "ESMTP";
}

void
message_start(struct session *s, const struct ipc_mail *mail)
{
	s->tx.mail = *mail;
	s->tx.protocol = protocol_of(s, mail);
}

/* What the client is told of a disk that fails. */
static enum verdict
trouble_of(int error)
{
	return error == ENOSPC || error == EDQUOT ? VERDICT_DISK_FULL :
	    VERDICT_TROUBLE;
}

/*
 * Of each recipient one Maildir has to be fit: a user's own, or that of one
 * whom an alias reaches.  0, and that one is needed; or errno, and *box is
 * broken.
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

enum verdict
message_add(struct session *s, const struct mailbox *to,
    struct recipient_reason *reason, size_t *named)
{
	struct recipient_set *boxes = &s->tx.boxes;
	const size_t count = boxes->count, marks = boxes->mark_count;
	const struct recipient_mailbox *box;
	enum verdict verdict;
	int error;

	verdict = recipient_expand(&s->epoch->conf, to, boxes, reason);
	*named = boxes->count - count;
	error = find_fit(s->master->spool, boxes, count, &box);
	if (error == 0)
		return verdict;
	maildir_log_failure(s->master->spool, &(struct maildir_failure){
	    .session = s->id, .id = "", .what = "open the Maildir",
	    .box = box, .error = error });
	recipient_set_cut(boxes, count, marks);
	return VERDICT_BROKEN;
}

/* Of the message's file in the spool. */
static void
log_failure(const struct session *s, const char *what, int error)
{
	maildir_log_failure(s->master->spool, &(struct maildir_failure){
	    .session = s->id, .id = s->tx.id, .what = what,
	    .error = error });
}

enum verdict
message_begin(struct session *s, int *fd)
{
	uint8_t storage[trace_field_max_bytes];
	struct buf head = buf_over(storage, sizeof(storage));
	time_t now = time(NULL);
	struct trace t = {
		.from = &s->tx.mail.from,
		.helo = span_from(s->tx.mail.helo, s->tx.mail.helo_len),
		.client_ip = span_of(s->client.text),
		.client_ipv6 = s->client.ipv6,
		.hostname = span_of(s->epoch->conf.hostname),
		.protocol = s->tx.protocol,
		.suite = s->tls_on ? tls_log_suite(&s->tls) : NULL,
		.only_rcpt = s->tx.rcpt_count == 1 ? &s->tx.first_rcpt : NULL
	};
	int error;

	if (s->hide_client) {
		t.helo = t.hostname;
		t.client_ip = span_of("");
	}
	ident_make(s->tx.id);
	t.id = span_of(s->tx.id);
	gmtime_r(&now, &t.utc);
	trace_field_write(&t, &head);
	s->tx.head_bytes = head.n;
	if (spool_begin(s->master->spool, s->tx.id, buf_span(&head), fd) == 0)
		return VERDICT_OK;
	error = errno;
	log_failure(s, "create", error);
	s->tx.id[0] = '\0';
	session_reset(s->master, s);
	return trouble_of(error);
}

static void
log_store(const struct session *s)
{
	const struct transaction *tx = &s->tx;
	struct log_line l;

	log_begin(&l, LOG_LEVEL_INFO, "store");
	log_str(&l, "session", s->id);
	log_str(&l, "id", tx->id);
	if (s->user[0] != '\0')
		log_str(&l, "user", s->user);
	log_mailbox(&l, "from", &tx->mail.from);
	log_mailbox(&l, "to", &tx->first_rcpt);
	log_u64(&l, "recipients", tx->rcpt_count);
	log_u64(&l, "mailboxes", tx->boxes.count);
	log_u64(&l, "size", tx->size);
	log_end(&l);
}

/* To who has started a catcher. */
static void
show(const struct session *s)
{
	const struct recipient_set *to = &s->tx.boxes;

	catcher_message(s->id, s->master->spool->mail, to->boxes[0].user,
	    s->tx.name, s->tx.size);
	for (size_t i = 0; i < to->count; i++)
		catcher_kept(s->id, to->boxes[i].user, s->tx.name);
}

/* All of it is durable: the log has it before its client reads 250. */
static void
record(void *arg)
{
	const struct session *s = arg;
	const struct transaction *tx = &s->tx;
	struct master *m = s->master;
	char from[smtp_mailbox_text_max_bytes], to_text[logged_to_max_bytes];
	struct buf to = buf_over(to_text, sizeof(to_text));
	struct log_record r = {
		.id = span_of(tx->id), .session = span_of(s->id),
		.client = span_of(s->client.text), .port = s->client.port,
		.helo = span_from(tx->mail.helo, tx->mail.helo_len),
		.protocol = span_of(tx->protocol), .user = span_of(s->user),
		.from = span_from(from,
		    smtp_mailbox_text(&tx->mail.from, from)),
		.size = tx->size, .file = span_of(tx->name),
		.mailboxes = tx->boxes.count, .recipients = tx->rcpts.count,
		.rcpt = span_from(tx->rcpts.text, tx->rcpts.n)
	};

	recipient_log_mailboxes(&tx->boxes, &to);
	r.to = buf_span(&to);
	log_message_add(m->log, &r);
	log_store(s);
	if (m->conf.catcher)
		show(s);
}

static int64_t
charge(void *arg, int64_t us, int64_t now_us)
{
	const struct session *s = arg;

	return address_charge(s->host, us, now_us);
}

static void
count_answer(struct counters *c, const struct transaction *tx, int error,
    int64_t us)
{
	if (error != 0) {
		c->value[COUNTER_UNSTORED]++;
		return;
	}
	c->value[COUNTER_STORED]++;
	c->value[COUNTER_STORED_OCTETS] += tx->size;
	c->value[COUNTER_DELIVERED] += tx->boxes.count;
	counters_note(c, HISTOGRAM_COMMIT, (uint64_t)us);
}

/* It is stored, or error says why not. */
static void
done(void *arg, int error, int64_t us)
{
	struct session *s = arg;
	struct master *m = s->master;
	struct ipc_record r;

	memset(&r, 0, sizeof(r));
	count_answer(&m->counters, &s->tx, error, us);
	s->disk_ms += us / 1000;
	if (error == 0) {
		r.type = IPC_STORED;
		memcpy(r.u.stored.id, s->tx.id, sizeof(r.u.stored.id));
		r.u.stored.room = spool_has_room(m->spool, &m->conf.limits, 0);
		s->stored++;
		s->stored_bytes += s->tx.size;
	} else {
		r.type = IPC_UNSTORED;
		r.u.verdict.verdict = trouble_of(error);
	}
	s->tx.id[0] = '\0';	/* of a file that is there no longer */
	s->delivery = NULL;
	pool_permit(s->worker, IPC_AT_SESSION);
	session_reset(m, s);
	if (pool_send(s->worker, &r, -1) == -1)
		pool_lost(s->worker, "worker gone before its answer");
}

enum verdict
message_end(struct session *s, uint64_t size, bool *broken)
{
	struct transaction *tx = &s->tx;
	const struct commit_owner owner = { .arg = s, .session = s->id,
	    .charge = charge, .epoch = s->epoch, .record = record,
	    .done = done };

	*broken = size > UINT64_MAX - tx->head_bytes;
	if (*broken)
		return VERDICT_TROUBLE;
	tx->size = tx->head_bytes + size;
	switch (spool_check(s->master->spool, tx->id, tx->size)) {
	case SPOOL_GOOD:
		s->delivery = commit_add(s->master, tx, &owner);
		if (s->delivery != NULL) {
			pool_permit(s->worker, IPC_AT_COMMIT);
			return VERDICT_OK;
		}
		log_failure(s, "hold", errno);
		break;
	case SPOOL_UNKNOWN:
		log_failure(s, "stat", errno);
		break;
	case SPOOL_BAD:
		*broken = true;
		break;
	}
	s->master->counters.value[COUNTER_UNSTORED]++;
	session_reset(s->master, s);
	return VERDICT_TROUBLE;
}

void
message_drop(struct session *s, int error)
{
	if (error != 0) {
		s->master->counters.value[COUNTER_UNSTORED]++;
		log_failure(s, "write", error);
	}
	session_reset(s->master, s);
}
