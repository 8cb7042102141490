/*
 * Records from workers.  Every one has been checked against the table and
 * against where its session stands; here it only gets its answer.
 */
#include "server/session/dispatch.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "server/log/catcher.h"
#include "server/log/refused.h"
#include "server/mail/message.h"
#include "server/mail/sender.h"
#include "server/process/pool.h"
#include "server/process/pool_worker.h"
#include "server/process/signer.h"
#include "server/process/tls_log.h"
#include "server/session/login.h"
#include "server/session/proxied.h"
#include "server/session/session.h"
#include "shared/deadline.h"
#include "shared/ipc.h"
#include "shared/log.h"

/* Of the time of one host: 100,000 Maildirs a second. */
enum {
	maildir_cost_us = 10,
	owed_least_us = 10 * 1000,	/* less is not waited for */
	owed_most_us = 10 * 1000 * 1000
};

static const char *const note_words[NOTE_COUNT] = {
#define NOTE_WORDS(name, text) [NOTE_##name] = text,
	IPC_NOTES(NOTE_WORDS)
#undef NOTE_WORDS
};

/*
 * What on_* says of its worker: it goes on; it is gone (freed), for the
 * answer could not be sent or its session ended; or it broke the contract.
 */
enum after { AFTER_GO_ON, AFTER_GONE, AFTER_BROKEN };

static enum after
send_answer(struct worker *w, struct ipc_record *r, int fd)
{
	if (ipc_send(w->channel, r, fd, false) == 0)
		return AFTER_GO_ON;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return AFTER_BROKEN;	/* it asks, and reads no answers */
	pool_lost(w, "worker gone before its answer");
	return AFTER_GONE;
}

static enum after
answer(struct worker *w, enum ipc_type type, enum verdict verdict, int fd)
{
	struct ipc_record r;

	memset(&r, 0, sizeof(r.u.verdict) + offsetof(struct ipc_record, u));
	r.type = type;
	r.u.verdict.verdict = verdict;
	return send_answer(w, &r, fd);
}

static void
begin_reject(struct log_line *l, const struct session *s, const char *why)
{
	log_begin(l, LOG_LEVEL_WARNING, "reject");
	log_str(l, "session", s->id);
	log_str(l, "client", s->client.text);
	log_str(l, "why", why);
}

/*
 * An honest worker ends its session after so many errors; one that goes on
 * wants to fill the log.
 */
static bool
may_note(struct worker *w)
{
	const struct conf_limits *l = &w->session->epoch->conf.limits;

	return w->session->notes++ <= (1 + ipc_unknown_times) * l->errors +
	    l->recipients;
}

/* Once a session that has to begin so; who is refused can only end. */
static enum after
on_proxy(struct worker *w, const struct ipc_record *r)
{
	struct ipc_record out = { .type = IPC_WELCOME };

	if (!w->session->header_due)
		return AFTER_BROKEN;
	out.u.welcome.answer = proxied_take(w->master, w->session,
	    &r->u.proxy);
	if (out.u.welcome.answer == PROXY_WELCOME)
		w->when = IPC_AT_SESSION;
	return send_answer(w, &out, -1);
}

static enum after
on_proxy_fail(struct worker *w, const struct ipc_record *r)
{
	if (!w->session->header_due)
		return AFTER_BROKEN;
	proxied_fail(w->master, w->session,
	    (enum proxy_fail)r->u.proxy_fail.why);
	return AFTER_GO_ON;
}

/* Once a session, and only where it was offered. */
static enum after
on_login(struct worker *w, const struct ipc_record *r)
{
	struct session *s = w->session;

	if (s->auth == IPC_AUTH_NOT || s->user[0] != '\0' ||
	    (s->submission && !s->tls_on) || !may_note(w))
		return AFTER_BROKEN;
	return login_take(w, &r->u.login) ? AFTER_GO_ON : AFTER_GONE;
}

/* Reports carry no sender (RFC 8098 3): whose they are their header says. */
static bool
may_send_as(const struct session *s, const struct mailbox *from)
{
	return smtp_mailbox_is_null(from) ||
	    sender_belongs(&s->epoch->conf, s->user, from);
}

static enum after
refuse_forged(struct worker *w, const char *why, const struct mailbox *of)
{
	const struct session *s = w->session;
	struct log_line l;

	if (!may_note(w))
		return AFTER_BROKEN;
	begin_reject(&l, s, why);
	log_str(&l, "user", s->user);
	log_mailbox(&l, "from", of);
	log_end(&l);
	return answer(w, IPC_VERDICT, VERDICT_NOT_YOURS, -1);
}

static enum after
on_mail(struct worker *w, const struct ipc_record *r)
{
	struct session *s = w->session;
	struct log_line l;

	if (s->submission && (s->user[0] == '\0' || !r->u.mail.wait))
		return AFTER_BROKEN;
	/* Only who writes to a catcher may leave the domain out. */
	if (r->u.mail.from.domain_len == 0 && !w->master->conf.catcher &&
	    !smtp_mailbox_is_null(&r->u.mail.from))
		return AFTER_BROKEN;
	if (s->submission && !may_send_as(s, &r->u.mail.from)) {
		w->master->counters.value[COUNTER_SENDERS_FORGED]++;
		return refuse_forged(w, "the sender is not the user's",
		    &r->u.mail.from);
	}
	s->tx.no_room = !spool_has_room(&w->master->spool,
	    &w->master->conf.limits, r->u.mail.size);
	w->master->counters.value[s->tx.no_room ? COUNTER_SENDERS_DISK :
	    COUNTER_SENDERS]++;
	if (s->tx.no_room) {
		if (w->master->conf.catcher)
			catcher_no_room(w->master, s);
		begin_reject(&l, s, "disk nearly full");
		log_mailbox(&l, "from", &r->u.mail.from);
		log_end(&l);
		if (r->u.mail.wait)
			return answer(w, IPC_VERDICT, VERDICT_DISK_FULL, -1);
	}
	message_start(s, &r->u.mail);
	w->when = IPC_AT_MAIL;
	return r->u.mail.wait ? answer(w, IPC_VERDICT, VERDICT_OK, -1) :
	    AFTER_GO_ON;
}

/*
 * RCPT that names ten thousand Maildirs costs the loop far more than another.
 * Nothing is read of a session before its host has paid, in time, for that
 * and for what its other sessions named.
 */
static void
charge(struct worker *w, size_t maildirs)
{
	int64_t owed_us = address_charge(w->session->host,
	    (int64_t)maildirs * maildir_cost_us, deadline_now_us());
	struct timeval wait;

	if (owed_us < owed_least_us)
		return;
	if (owed_us > owed_most_us)
		owed_us = owed_most_us;
	wait.tv_sec = (time_t)(owed_us / 1000000);
	wait.tv_usec = (suseconds_t)(owed_us % 1000000);
	event_del(&w->readable);
	event_add(&w->paused, &wait);
}

void
dispatch_go_on(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	event_add(&w->readable, NULL);
}

static void
log_refused(const struct session *s, const struct mailbox *to,
    const struct ipc_verdict *v, const struct recipient_reason *reason)
{
	struct log_line l;

	begin_reject(&l, s, recipient_log_word(v->verdict));
	/* In front of what the client says: for fail2ban. */
	if (v->held_back_ms > 0)
		log_u64(&l, "held_back_ms", v->held_back_ms);
	log_mailbox(&l, "from", &s->tx.mail.from);
	log_mailbox(&l, "to", to);
	if (reason->path != NULL) {
		log_str(&l, "file", reason->path);
		log_u64(&l, "line", reason->line);
	}
	log_end(&l);
}

/* Who named too many that are not here waits; a proxy stands for many. */
static enum after
refuse_rcpt(struct worker *w, const struct mailbox *to, enum verdict verdict,
    const struct recipient_reason *reason)
{
	struct ipc_record r = { .type = IPC_VERDICT };
	struct session *s = w->session;

	r.u.verdict.verdict = verdict;
	/* No error of a client's, so an honest worker counts none. */
	if (!may_note(w))
		return verdict == VERDICT_TOO_MANY ? send_answer(w, &r, -1) :
		    AFTER_BROKEN;
	if (verdict == VERDICT_UNKNOWN && !s->of_proxy)
		r.u.verdict.held_back_ms = guesses_unknown(
		    w->master->auth.guesses, &s->client, deadline_now_ms());
	log_refused(s, to, &r.u.verdict, reason);
	refused_rcpt(w->master, s, to, verdict, reason);
	return send_answer(w, &r, -1);
}

static enum after
on_rcpt(struct worker *w, const struct ipc_record *r)
{
	struct recipient_reason reason;
	struct session *s = w->session;
	enum verdict verdict;
	size_t named;

	if (s->tx.rcpt_count >= s->epoch->conf.limits.recipients)
		return AFTER_BROKEN;	/* the worker counts them too */
	if (s->tx.no_room) {
		w->master->counters.value[COUNTER_RCPT_DISK]++;
		return answer(w, IPC_VERDICT, VERDICT_DISK_FULL, -1);
	}
	verdict = message_add(s, &r->u.rcpt.to, &reason, &named);
	charge(w, named);
	recipient_log_add(&s->tx.rcpts, &r->u.rcpt.to,
	    recipient_log_word(verdict), &reason);
	w->master->counters.value[counters_of_rcpt(verdict)]++;
	if (verdict != VERDICT_OK)
		return refuse_rcpt(w, &r->u.rcpt.to, verdict, &reason);
	if (s->tx.rcpt_count++ == 0)
		s->tx.first_rcpt = r->u.rcpt.to;
	w->when = IPC_AT_RCPT;
	return answer(w, IPC_VERDICT, verdict, -1);
}

static enum after
on_reset(struct worker *w, const struct ipc_record *r)
{
	(void)r;
	session_reset(w->master, w->session);
	w->when = IPC_AT_SESSION;
	return AFTER_GO_ON;
}

/*
 * Who is said to have written a message that is being submitted.  Each one is
 * asked for, and none but the user's own is stored.
 */
static enum after
on_originator(struct worker *w, const struct ipc_record *r)
{
	struct session *s = w->session;

	if (!s->submission || s->tx.authors++ >= ipc_authors_max)
		return AFTER_BROKEN;
	if (sender_belongs(&s->epoch->conf, s->user, &r->u.rcpt.to))
		return answer(w, IPC_VERDICT, VERDICT_OK, -1);
	s->tx.forged = true;
	return refuse_forged(w, "the author is not the user", &r->u.rcpt.to);
}

static enum after
on_begin(struct worker *w, const struct ipc_record *r)
{
	enum verdict verdict;
	enum after after;
	int fd;

	(void)r;
	verdict = message_begin(w->session, &fd);
	if (verdict != VERDICT_OK) {
		w->when = IPC_AT_SESSION;
		return answer(w, IPC_VERDICT, verdict, -1);
	}
	w->when = IPC_AT_DATA;
	after = answer(w, IPC_FILE, VERDICT_OK, fd);
	close(fd);
	return after;
}

static enum after
on_commit(struct worker *w, const struct ipc_record *r)
{
	struct transaction *tx = &w->session->tx;
	enum verdict verdict;
	bool broken;

	if (w->session->submission && (tx->authors == 0 || tx->forged))
		return AFTER_BROKEN;
	verdict = message_end(w, r->u.commit.size, &broken);
	if (broken)
		return AFTER_BROKEN;
	if (verdict == VERDICT_OK)
		return AFTER_GO_ON;
	w->when = IPC_AT_SESSION;
	return answer(w, IPC_UNSTORED, verdict, -1);
}

static enum after
on_abort(struct worker *w, const struct ipc_record *r)
{
	message_drop(w->session, (int)r->u.abort.error);
	w->when = IPC_AT_SESSION;
	return AFTER_GO_ON;
}

static enum after
on_note(struct worker *w, const struct ipc_record *r)
{
	struct log_line l;

	if (!may_note(w))
		return AFTER_BROKEN;
	begin_reject(&l, w->session, note_words[r->u.note.note]);
	log_end(&l);
	return AFTER_GO_ON;
}

static enum after
on_sign(struct worker *w, const struct ipc_record *r)
{
	return signer_ask(w, &r->u.digest) ? AFTER_GO_ON : AFTER_BROKEN;
}

/* No handshake comes about without a signature. */
static enum after
on_tls(struct worker *w, const struct ipc_record *r)
{
	struct session *s = w->session;

	if (s->tls_on || !s->has_signed)
		return AFTER_BROKEN;
	s->tls_on = true;
	s->tls = r->u.tls;
	w->master->counters.value[COUNTER_TLS]++;
	tls_log(s);
	return AFTER_GO_ON;
}

static enum after
on_tls_fail(struct worker *w, const struct ipc_record *r)
{
	struct session *s = w->session;

	if (s->tls_failed)
		return AFTER_BROKEN;
	s->tls_failed = true;
	w->master->counters.value[COUNTER_TLS_FAILED]++;
	tls_log_failed(s, (enum tls_fail)r->u.tls_fail.why);
	return AFTER_GO_ON;
}

static enum after
on_trace(struct worker *w, const struct ipc_record *r)
{
	if (!w->master->conf.catcher)
		return refused_said(w->master, w->session, &r->u.trace) ?
		    AFTER_GO_ON : AFTER_BROKEN;
	catcher_trace(w->session, &r->u.trace);
	return AFTER_GO_ON;
}

static enum after
on_end(struct worker *w, const struct ipc_record *r)
{
	struct master *m = w->master;
	struct session *s = w->session;

	pool_release(w);
	session_end(m, s, NULL, &r->u.end);
	return AFTER_GONE;
}

static enum after
(*const handlers[IPC_TYPE_COUNT])(struct worker *,
    const struct ipc_record *) = {
	[IPC_MAIL] = on_mail,
	[IPC_RCPT] = on_rcpt,
	[IPC_RESET] = on_reset,
	[IPC_BEGIN] = on_begin,
	[IPC_COMMIT] = on_commit,
	[IPC_ABORT] = on_abort,
	[IPC_NOTE] = on_note,
	[IPC_TRACE] = on_trace,
	[IPC_LOGIN] = on_login,
	[IPC_ORIGINATOR] = on_originator,
	[IPC_SIGN] = on_sign,
	[IPC_TLS] = on_tls,
	[IPC_TLS_FAIL] = on_tls_fail,
	[IPC_PROXY] = on_proxy,
	[IPC_PROXY_FAIL] = on_proxy_fail,
	[IPC_END] = on_end
};

static enum after
receive_one(struct worker *w, const char **why)
{
	struct ipc_record r;
	enum after after;
	int passed;

	switch (ipc_recv(w->channel, IPC_FROM_WORKER, w->when, false, &r,
	    &passed, why)) {
	case IPC_GOT_RECORD:
		w->hurries = 0;
		w->master->pool.heard++;
		*why = "record breaks the contract";
		after = handlers[r.type](w, &r);
		if (r.type == IPC_LOGIN)
			sodium_memzero(&r, sizeof(r));
		return after;
	case IPC_GOT_NOTHING:
		return AFTER_GO_ON;
	case IPC_GOT_BAD:
	case IPC_GOT_NO_ROOM:	/* workers send no descriptors */
		return AFTER_BROKEN;
	case IPC_GOT_END:
	case IPC_GOT_ERROR:
		break;
	}
	pool_lost(w, "worker gone");
	return AFTER_GONE;
}

void
dispatch_worker(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	const char *why = "";

	(void)fd;
	(void)what;
	/* One record a turn: an honest worker waits for its answer anyway. */
	if (receive_one(w, &why) == AFTER_BROKEN)
		pool_kill(w, why);
}
