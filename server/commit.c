/*
 * Group commit.  Commits gather while the loop hands out what it has read;
 * then all of them are linked, each touched directory is synced once, and
 * the answers go out.  The order is the second promise: data and fdatasync
 * (the worker), link, fsync of the directory, log, answer.
 */
#include "server/commit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "server/catcher.h"
#include "server/log_postfix.h"
#include "server/pool.h"
#include "server/pool_worker.h"
#include "server/session.h"
#include "shared/deadline.h"
#include "shared/ipc.h"
#include "shared/log.h"

enum { name_host_bytes = 128 };

/*
 * SECONDS.ID.HOST,S=SIZE: unique by its id, and what Dovecot reads.  A file
 * name has 255 octets, of which readers want some for flags; a host name too.
 */
static void
name_message(const struct master *m, struct transaction *tx)
{
	snprintf(tx->name, sizeof(tx->name), "%lld.%s.%.*s,S=%llu",
	    (long long)time(NULL), tx->id, name_host_bytes, m->conf.hostname,
	    (unsigned long long)tx->size);
}

static void
log_store(const struct session *s)
{
	const struct transaction *tx = &s->tx;
	struct log_line l;

	if (log_postfix_store(s))
		return;
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

static void
count_answer(const struct worker *w, enum verdict verdict)
{
	const struct transaction *tx = &w->session->tx;
	struct counters *c = &w->master->counters;

	if (verdict != VERDICT_OK) {
		c->value[COUNTER_UNSTORED]++;
		return;
	}
	c->value[COUNTER_STORED]++;
	c->value[COUNTER_STORED_OCTETS] += tx->size;
	c->value[COUNTER_DELIVERED] += tx->boxes.count;
	counters_note(c, HISTOGRAM_COMMIT,
	    (uint64_t)(deadline_now_us() - w->waiting_us));
}

static void
answer(struct worker *w, enum verdict verdict)
{
	struct session *s = w->session;
	struct ipc_record r;

	memset(&r, 0, sizeof(r));
	count_answer(w, verdict);
	if (verdict == VERDICT_OK) {
		r.type = IPC_STORED;
		memcpy(r.u.stored.id, s->tx.id, sizeof(r.u.stored.id));
		r.u.stored.room = spool_has_room(&w->master->spool,
		    &w->master->conf.limits, 0);
		s->stored++;
		s->stored_bytes += s->tx.size;
		/* The file is a message now, no longer the session's. */
		s->tx.id[0] = '\0';
	} else {
		r.type = IPC_UNSTORED;
		r.u.verdict.verdict = verdict;
	}
	w->when = IPC_AT_SESSION;
	session_reset(w->master, s);
	if (ipc_send(w->channel, &r, -1, false) == -1)
		pool_lost(w, "worker gone before its answer");
}

static void
log_failure(const struct session *s, const char *what, int error)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_ERROR, "store-failed");
	log_str(&l, "session", s->id);
	log_str(&l, "id", s->tx.id);
	log_str(&l, "what", what);
	log_str(&l, "why", strerror(error));
	log_end(&l);
}

/* Links every waiting message; those that fail are answered at once. */
static void
deliver_all(struct master *m, struct worker_list *done)
{
	struct worker *w;

	while ((w = TAILQ_FIRST(&m->committing)) != NULL) {
		struct transaction *tx = &w->session->tx;
		int error;

		TAILQ_REMOVE(&m->committing, w, waiting);
		name_message(m, tx);
		if (maildir_deliver(&m->batch, &m->spool, tx->id, tx->name,
		    &tx->boxes) == 0) {
			TAILQ_INSERT_TAIL(done, w, waiting);
			continue;
		}
		error = errno;
		log_failure(w->session, "link into the mailbox", error);
		answer(w, error == ENOSPC || error == EDQUOT ?
		    VERDICT_DISK_FULL : VERDICT_TROUBLE);
	}
}

static void
record(struct master *m, const struct session *s)
{
	struct log_message_fact fact = {
		.id = s->tx.id, .session = s->id, .client = s->client.text,
		.port = s->client.port,
		.helo = span_from(s->tx.mail.helo, s->tx.mail.helo_len),
		.protocol = s->tx.protocol, .user = span_of(s->user),
		.from = &s->tx.mail.from,
		.to = &s->tx.boxes, .rcpts = &s->tx.rcpts,
		.file = s->tx.name, .size = s->tx.size
	};

	log_message_add(&m->log, &fact);
	log_store(s);
	if (m->conf.catcher)
		catcher_message(m, s);
}

void
commit_run(struct master *m)
{
	struct worker_list done = TAILQ_HEAD_INITIALIZER(done);
	uint64_t waiting = 0;
	struct worker *w;
	int error = 0;

	if (TAILQ_EMPTY(&m->committing))
		return;
	TAILQ_FOREACH(w, &m->committing, waiting)
		waiting++;
	m->counters.value[COUNTER_COMMITS]++;
	counters_note(&m->counters, HISTOGRAM_BATCH, waiting);
	deliver_all(m, &done);
	if (maildir_sync(&m->batch) == -1)
		error = errno;
	m->counters.value[COUNTER_SYNCS] += m->batch.syncs;
	m->batch.syncs = 0;
	TAILQ_FOREACH(w, &done, waiting) {
		if (error == 0)
			record(m, w->session);
		else
			log_failure(w->session, "fsync of a mailbox", error);
	}
	if (error == 0 && log_message_flush(&m->log) == -1)
		log_error("write", "log/message", errno);
	/* What somebody is told of is in the log before that. */
	log_flush();
	while ((w = TAILQ_FIRST(&done)) != NULL) {
		TAILQ_REMOVE(&done, w, waiting);
		answer(w, error == 0 ? VERDICT_OK : VERDICT_TROUBLE);
	}
}

static void
on_commit(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	commit_run(arg);
}

int
commit_init(struct master *m)
{
	TAILQ_INIT(&m->committing);
	m->commit = event_new(m->base, -1, 0, on_commit, m);
	return m->commit == NULL ? -1 : 0;
}

void
commit_add(struct worker *w)
{
	struct master *m = w->master;

	w->when = IPC_AT_COMMIT;
	w->waiting_us = deadline_now_us();
	/* Behind all that is active now: those may bring more commits. */
	if (TAILQ_EMPTY(&m->committing))
		event_active(m->commit, EV_TIMEOUT, 0);
	TAILQ_INSERT_TAIL(&m->committing, w, waiting);
}
