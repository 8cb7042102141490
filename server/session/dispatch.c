/* Answers to records, which were checked against table and state before. */
#include "server/session/session.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "server/log/catcher.h"
#include "server/log/refused.h"
#include "shared/deadline.h"

/* What RCPT costs a host: 10 us a Maildir, or 100,000 Maildirs a second. */
enum {
	maildir_cost_us = 10,
	owed_least_us = 10 * 1000,	/* less is not waited for */
	owed_most_us = 10 * 1000 * 1000
};

static const char *const note_words[NOTE_COUNT] = {
	IPC_NOTES(IPC_WORD, NOTE_)
};

static const char *const fail_words[TLS_FAIL_COUNT] = {
	IPC_TLS_FAILS(IPC_WORD, TLS_FAIL_)
};

static const char *const proxy_words[PROXY_FAIL_COUNT] = {
	IPC_PROXY_FAILS(IPC_WORD, PROXY_FAIL_)
};

/*
 * on_* and these return false when the worker broke the contract; true when
 * the session goes on, or is gone because its answer could not be sent.
 */
static bool
send_files(struct session *s, struct ipc_record *r, const int *fds,
    size_t count)
{
	while (count > 0 && pool_send(s->worker, r, *fds) == 0) {
		count--;
		fds++;
	}
	if (count == 0)
		return true;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return false;	/* the worker asks, and reads no answers */
	pool_lost(s->worker, "worker gone before its answer");
	return true;
}

static bool
send_answer(struct session *s, struct ipc_record *r)
{
	return send_files(s, r, &(int){ -1 }, 1);
}

static bool
answer(struct session *s, enum smtp_reply reply)
{
	struct ipc_record r = { .type = IPC_VERDICT,
	    .u.verdict.reply = reply };

	return send_answer(s, &r);
}

/* An honest worker ends its session after so many errors. */
static bool
may_note(struct session *s)
{
	const struct conf_limits *l = &s->epoch->conf.limits;

	return s->notes++ <= (1 + ipc_unknown_times) * l->errors +
	    l->recipients;
}

static bool
is_submission(const struct session *s)
{
	return (s->words & LISTEN_SUBMISSION) != 0;
}

/*
 * Once, while a PROXY header is due: from here on s belongs to the client that
 * the header names.  A session refused here can only end.
 */
static bool
on_proxy(struct session *s, const struct ipc_record *r)
{
	const struct ipc_proxy *p = &r->u.proxy;
	struct address_host *proxy = s->host;
	struct master *m = s->master;
	struct address client;
	enum refusal why;

	if (!s->header_due)
		return false;
	s->header_due = false;
	/* Else a health check of the proxy, which stays the client. */
	if (p->given) {
		address_of_ip(&p->ip, p->port, &client);
		m->counters.value[COUNTER_PROXIED]++;
		log_put(LOG_LEVEL_INFO, "proxied", "session=%s client=%s "
		    "port=%zu via=%s", s->id, client.text,
		    (size_t)client.port, s->client.text);
		s->client = client;
		s->of_proxy = false;
		why = address_enter(m->book, &client, &m->conf.limits,
		    deadline_now_ms(), &s->host);
		if (why != REFUSAL_NONE) {
			session_refuse(s, why);
			return answer(s, counters_refusals[why].reply);
		}
		proxy->served--;
		address_leave(m->book, proxy);
		s->host->served++;
	}
	pool_permit(s->worker, IPC_AT_SESSION);
	s->dsn = session_may_send_out(s);
	return send_answer(s, &(struct ipc_record){ .type = IPC_VERDICT,
	    .u.verdict = { .reply = REPLY_GREETING, .dsn = s->dsn } });
}

/* The session can only end. */
static bool
on_proxy_fail(struct session *s, const struct ipc_record *r)
{
	if (!s->header_due)
		return false;
	s->header_due = false;
	s->master->counters.value[COUNTER_PROXY_FAILED]++;
	log_put(LOG_LEVEL_WARNING, "proxy-failed",
	    "session=%s client=%s why=%s", s->id, s->client.text,
	    proxy_words[r->u.number.n]);
	return true;
}

/* Only where AUTH was offered, and not after a successful login. */
static bool
on_login(struct session *s, const struct ipc_record *r)
{
	if (!(is_submission(s) ? s->tls_state == TLS_IS_ON :
	    s->master->conf.catcher) || s->user[0] != '\0' || !may_note(s))
		return false;
	login_take(s, &r->u.login);
	return true;
}

static bool
refuse_forged(struct session *s, enum smtp_reply reply, const char *why,
    const struct mailbox *of)
{
	if (!may_note(s))
		return false;
	log_put(LOG_LEVEL_WARNING, "reject",
	    "session=%s client=%s why=%s user=%s from=%s", s->id,
	    s->client.text, why, s->user, log_address(of));
	return answer(s, reply);
}

/* Strangers get it with the answer to RCPT: two processes wake up once less. */
static bool
answer_mail(struct session *s, enum smtp_reply reply)
{
	s->mail_reply = reply;
	if (!is_submission(s) || reply == REPLY_SENDER_OK)
		pool_permit(s->worker, IPC_AT_MAIL);
	return !is_submission(s) || answer(s, reply);
}

static bool
on_mail(struct session *s, const struct ipc_record *r)
{
	enum verdict verdict;

	if (is_submission(s) && s->user[0] == '\0')
		return false;
	if (!s->dsn && (r->u.mail.ret != DSN_RET_NONE ||
	    r->u.mail.envid[0] != '\0'))
		return false;
	/* Only a catcher takes a sender without a domain. */
	if (r->u.mail.from.domain_len == 0 && !s->master->conf.catcher &&
	    !smtp_mailbox_is_null(&r->u.mail.from))
		return false;
	/* Reports have none (RFC 8098 3): their header names the author. */
	if (is_submission(s) && !smtp_mailbox_is_null(&r->u.mail.from) &&
	    !recipient_is_of(&s->epoch->conf, s->user, &r->u.mail.from)) {
		s->master->counters.value[COUNTER_SENDERS_FORGED]++;
		return refuse_forged(s, REPLY_NOT_YOURS,
		    "the sender is not the user's", &r->u.mail.from);
	}
	verdict = message_start(&(struct message_client){
	    .master = s->master, .epoch = s->epoch, .session = s->id,
	    .user = s->user, .ip = s->client.text,
	    .port = s->client.port, .hidden = s->words & LISTEN_HIDE_CLIENT,
	    .tls = s->tls_state == TLS_IS_ON ? &s->tls : NULL,
	    .paid_until_us = &s->host->paid_until_us,
	    .relay_line = conf_relay_permits(&s->epoch->conf, s->user,
	    &s->client.ip) }, &r->u.mail, &s->tx);
	if (verdict != VERDICT_OK) {
		message_drop(&s->tx, 0);
		log_put(LOG_LEVEL_WARNING, "reject",
		    "session=%s client=%s why=%s from=%s", s->id,
		    s->client.text, smtp_reply_verdict(verdict),
		    log_address(&r->u.mail.from));
		return answer_mail(s, smtp_reply_of(verdict, REPLY_TROUBLE));
	}
	if (s->tx->client.relay_line != 0 && s->user[0] == '\0')
		rates_watch(s, &r->u.mail);
	return answer_mail(s, REPLY_SENDER_OK);
}

/* Too many unknown recipients slow down a client, not a proxy of many. */
static bool
refuse_rcpt(struct session *s, const struct mailbox *to, enum verdict verdict,
    const struct recipient_reason *reason)
{
	struct ipc_record r = { .type = IPC_VERDICT };

	r.u.verdict.reply = smtp_reply_of(verdict, REPLY_TROUBLE);
	/* A user who has sent too much is logged once an hour (rates.c). */
	if (verdict == VERDICT_MAILS_HOUR || verdict == VERDICT_RCPTS_DAY)
		return send_answer(s, &r);
	/* TOO_MANY is no error of a client: an honest worker counts none. */
	if (!may_note(s))
		return verdict == VERDICT_TOO_MANY && send_answer(s, &r);
	if (verdict == VERDICT_UNKNOWN && !s->of_proxy)
		r.u.verdict.held_back_ms = guesses_unknown(
		    s->master->guesses, &s->client, deadline_now_ms());
	/* held_back_ms before fields that the client chooses, for fail2ban. */
	log_put(LOG_LEVEL_WARNING, "reject",
	    "session=%s client=%s why=%s held_back_ms?=%zu from=%s to=%s "
	    "file=%s line?=%zu", s->id, s->client.text,
	    smtp_reply_verdict(verdict), (size_t)r.u.verdict.held_back_ms,
	    log_address(&s->tx->mail.from), log_address(to),
	    reason->path != NULL ? reason->path : "", (size_t)reason->line);
	if (s->master->conf.keep_refused_s > 0 && !s->master->conf.catcher)
		recipient_log_add(&s->refusals, to,
		    smtp_reply_verdict(verdict), reason);
	return send_answer(s, &r);
}

static bool
on_rcpt(struct session *s, const struct ipc_record *r)
{
	struct recipient_reason reason = { .path = NULL };
	enum verdict verdict;
	int64_t owed_us;
	size_t named = 0;

	if (s->tx == NULL)
		return may_note(s) && answer(s, s->mail_reply);
	if (s->tx->rcpt_count >= s->epoch->conf.limits.recipients)
		return false;	/* the worker counts them too */
	if (!s->dsn && (r->u.rcpt.notify != 0 || r->u.rcpt.orcpt[0] != '\0'))
		return false;
	verdict = rates_judge(s, &r->u.rcpt.to);
	if (verdict == VERDICT_OK)
		verdict = message_add(s->tx, &r->u.rcpt, &reason, &named);
	/*
	 * RCPT may name ten thousand Maildirs.  No more is read from a session
	 * until its host has paid, in time, for all that its sessions named.
	 */
	owed_us = deadline_owe(&s->host->paid_until_us,
	    (int64_t)named * maildir_cost_us, deadline_now_us());
	if (owed_us >= owed_least_us)
		pool_pause(s->worker, owed_us < owed_most_us ? owed_us :
		    owed_most_us);
	recipient_log_add(&s->tx->rcpts, &r->u.rcpt.to,
	    smtp_reply_verdict(verdict), &reason);
	s->master->counters.value[counters_of_rcpt[verdict]]++;
	if (verdict != VERDICT_OK)
		return refuse_rcpt(s, &r->u.rcpt.to, verdict, &reason);
	if (s->tx->rcpt_count++ == 0)
		s->tx->first_rcpt = r->u.rcpt.to;
	pool_permit(s->worker, IPC_AT_RCPT);
	return answer(s, REPLY_RCPT_OK);
}

static bool
on_reset(struct session *s, const struct ipc_record *r)
{
	message_drop(&s->tx, (int)r->u.number.n);
	pool_permit(s->worker, IPC_AT_SESSION);
	return true;
}

/* The message is stored only if all its authors are the user's. */
static bool
on_originator(struct session *s, const struct ipc_record *r)
{
	if (!is_submission(s) || s->tx->authors++ >= ipc_authors_max)
		return false;
	if (recipient_is_of(&s->epoch->conf, s->user, &r->u.rcpt.to))
		return answer(s, REPLY_OK);
	s->tx->forged = true;
	return refuse_forged(s, REPLY_AUTHOR_NOT_YOURS,
	    "the author is not the user", &r->u.rcpt.to);
}

static bool
on_begin(struct session *s, const struct ipc_record *r)
{
	struct ipc_record out = { .type = IPC_FILE };
	enum verdict verdict;
	int fds[2];
	bool kept;

	verdict = message_begin(s->tx, fds);
	if (verdict != VERDICT_OK) {
		message_drop(&s->tx, 0);
		pool_permit(s->worker, IPC_AT_SESSION);
		return answer(s, smtp_reply_of(verdict, REPLY_TROUBLE));
	}
	pool_permit(s->worker, IPC_AT_DATA);
	out.u.number.n = fds[1] != -1;
	kept = send_files(s, &out, fds, 1 + out.u.number.n);
	close(fds[0]);
	if (fds[1] != -1)
		close(fds[1]);
	return kept;
}

static void
on_stored(void *arg, enum verdict verdict, const struct message *t, int64_t us)
{
	struct ipc_record r = { .type = IPC_VERDICT };
	struct session *s = arg;

	s->tx = NULL;
	s->disk_ms += us / 1000;
	r.u.verdict.reply = smtp_reply_of(verdict, REPLY_STORED);
	if (verdict == VERDICT_OK) {
		memcpy(r.u.verdict.id, t->id, sizeof(r.u.verdict.id));
		s->stored++;
		s->stored_bytes += t->size;
	}
	pool_permit(s->worker, IPC_AT_SESSION);
	if (pool_send(s->worker, &r, -1) == -1)
		pool_lost(s->worker, "worker gone before its answer");
}

static bool
on_commit(struct session *s, const struct ipc_record *r)
{
	enum verdict verdict;

	if (is_submission(s) && (s->tx->authors == 0 || s->tx->forged))
		return false;
	verdict = message_end(s->tx, &r->u.commit, on_stored, s);
	if (verdict == VERDICT_OK) {
		pool_permit(s->worker, IPC_AT_COMMIT);
		return true;
	}
	message_drop(&s->tx, 0);
	pool_permit(s->worker, IPC_AT_SESSION);
	return verdict != VERDICT_BROKEN &&
	    answer(s, smtp_reply_of(verdict, REPLY_TROUBLE));
}

static bool
on_note(struct session *s, const struct ipc_record *r)
{
	if (!may_note(s))
		return false;
	log_put(LOG_LEVEL_WARNING, "reject", "session=%s client=%s why=%s",
	    s->id, s->client.text, note_words[r->u.number.n]);
	return true;
}

static void
on_signed(void *arg, const struct ipc_signature *signature)
{
	struct session *s = arg;
	struct ipc_record r = { .type = IPC_SIGNATURE, .u.signature.n = 0 };

	if (signature != NULL)
		r.u.signature = *signature;
	r.u.signature.ticket = 0;
	if (pool_send(s->worker, &r, -1) == -1)
		pool_lost(s->worker, "worker gone before its answer");
}

/* Once a session. */
static bool
on_sign(struct session *s, const struct ipc_record *r)
{
	struct ipc_digest digest = r->u.digest;

	if (s->tls_state != TLS_NOT_YET ||
	    !pool_key_slot(s->worker, digest.pair, &digest.pair))
		return false;
	s->tls_state = TLS_SIGNED;
	s->signing.done = on_signed;
	s->signing.arg = s;
	sign_ask(s->master, &s->signing, &digest);
	return true;
}

/* No handshake completes without a signature. */
static bool
on_tls(struct session *s, const struct ipc_record *r)
{
	if (s->tls_state != TLS_SIGNED)
		return false;
	s->tls_state = TLS_IS_ON;
	s->tls = r->u.tls;
	s->master->counters.value[COUNTER_TLS]++;
	log_put(LOG_LEVEL_INFO, "tls",
	    "session=%s client=%s version=%s suite=%s", s->id, s->client.text,
	    s->tls.version, s->tls.suite);
	return true;
}

static bool
on_tls_fail(struct session *s, const struct ipc_record *r)
{
	enum tls_fail why = (enum tls_fail)r->u.number.n;

	if (s->tls_state >= TLS_IS_ON)
		return false;
	s->tls_state = TLS_HAS_FAILED;
	s->master->counters.value[COUNTER_TLS_FAILED]++;
	if (s->master->conf.catcher)
		catcher_say(s->id, CATCHER_BAD, "no TLS: %s%s",
		    fail_words[why], why != TLS_FAIL_UNTRUSTED ? "" : ": set "
		    "it to accept any certificate, or give the catcher one "
		    "that it trusts, with --certificate");
	log_put(LOG_LEVEL_WARNING, "tls-failed", "session=%s client=%s why=%s",
	    s->id, s->client.text, fail_words[why]);
	return true;
}

static bool
on_trace(struct session *s, const struct ipc_record *r)
{
	if (!s->master->conf.catcher)
		return refused_said(&s->refused, &r->u.trace);
	catcher_trace(s->id, &r->u.trace);
	return true;
}

static bool
on_end(struct session *s, const struct ipc_record *r)
{
	struct worker *w = s->worker;

	s->worker = NULL;
	pool_release(w);
	session_end(s, NULL, &r->u.end);
	return true;
}

static bool
(*const handlers[IPC_TYPE_COUNT])(struct session *,
    const struct ipc_record *) = {
	[IPC_MAIL] = on_mail,
	[IPC_RCPT] = on_rcpt,
	[IPC_RESET] = on_reset,
	[IPC_BEGIN] = on_begin,
	[IPC_COMMIT] = on_commit,
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

bool
dispatch_record(void *owner, const struct ipc_record *r)
{
	/* Other records are for other uses of a worker. */
	return handlers[r->type] != NULL && handlers[r->type](owner, r);
}
