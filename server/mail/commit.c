/*
 * Messages on their way into Maildirs.  The order is the second promise:
 * data and fdatasync (the worker), link, fsync of the directory, log, answer.
 *
 * Commits gather while the loop hands out what it has read; then each is
 * linked into its first Maildirs, each touched directory is synced once, and
 * those that are complete are answered.  What is left goes on in pieces: a
 * stranger may name ten thousand Maildirs with one address, and nobody else
 * is to wait for that.  A message that fails is taken out of the Maildirs it
 * has got to, in pieces as well.
 */
#include "server/mail/commit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/mail/maildir.h"
#include "server/process/pool.h"
#include "shared/deadline.h"
#include "shared/log.h"

enum {
	name_host_bytes = 128,
	first_max = 32,		/* Maildirs at the first go */
	batch_us = 10 * 1000,	/* no new message after that, in a turn */
	piece_us = 4 * 1000,	/* no new Maildir after that, in a piece */
	rest_times = 7		/* as long as a piece others have the loop */
};

/* One message that waits. */
struct delivery {
	TAILQ_ENTRY(delivery)	 entry;
	struct commit_owner	 owner;
	char			 session[ipc_id_bytes + 1];
	bool			 disowned;	/* nobody is to be told */
	struct transaction	*tx;		/* the owner's; or own */
	struct transaction	 own;
	struct maildir_delivery	 mail;
	int64_t			 begun_us;
	int			 error;		/* errno, it is taken back; 0 */
	size_t			 left;		/* cannot be taken back, */
	struct recipient_mailbox left_in;	/* the first of them */
};
TAILQ_HEAD(delivery_list, delivery);

struct commit {
	struct delivery_list	 fresh;		/* not begun */
	struct delivery_list	 large;		/* in pieces */
	struct event		*batch_due;
	struct event		*piece_due;
	struct maildir_batch	 batch;
	size_t			 piece;		/* Maildirs at a time */
	int64_t			 rest_until_us;
	uint64_t		 heard;		/* when the last piece ended */
};

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

/* Who reads 451 may send it again, and these will have it twice. */
static void
log_left(const struct delivery *d)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_ERROR, "store-left");
	log_str(&l, "session", d->session);
	log_str(&l, "id", d->tx->id);
	log_u64(&l, "mailboxes", d->left);
	maildir_log_place(&l, &d->left_in);
	log_str(&l, "file", d->tx->name);
	log_end(&l);
}

/* Tells whose it is, and forgets d; its file has left the spool. */
static void
answer(struct master *m, struct delivery *d)
{
	const struct commit_owner owner = d->owner;
	int64_t us = deadline_now_us() - d->begun_us;
	bool disowned = d->disowned;
	int error = d->error;

	if (!d->mail.moved)
		spool_discard(&m->spool, d->tx->id);
	if (disowned) {
		recipient_set_clear(&d->own.boxes);
		recipient_log_clear(&d->own.rcpts);
		conf_epoch_leave(owner.epoch);
	}
	free(d);
	if (!disowned)
		owner.done(owner.arg, error, us);
}

/* When the next piece may begin; a rest that is due is not cut short. */
static void
plan_piece(struct commit *c)
{
	int64_t us = c->rest_until_us - deadline_now_us();
	struct timeval wait = { 0, 0 };

	if (TAILQ_EMPTY(&c->large) ||
	    event_pending(c->piece_due, EV_TIMEOUT, NULL))
		return;
	if (us > 0) {
		wait.tv_sec = (time_t)(us / 1000000);
		wait.tv_usec = (suseconds_t)(us % 1000000);
	}
	event_add(c->piece_due, &wait);
}

/* Takes d back, as far as it has got; it is in no list. */
static void
fail(struct master *m, struct delivery *d, const char *what, int error,
    const struct recipient_mailbox *where)
{
	d->error = error;
	maildir_log_failure(&m->spool, &(struct maildir_failure){
	    .session = d->session, .id = d->tx->id, .what = what,
	    .box = where, .error = error });
	TAILQ_INSERT_TAIL(&m->commit->large, d, entry);
}

/* What is a trouble of all Maildirs, now or soon. */
static bool
is_everybodys(int error)
{
	return error == ENOSPC || error == EDQUOT || error == ENOMEM ||
	    error == EMFILE || error == ENFILE;
}

/*
 * One broken Maildir behind an alias is one user's trouble.  What that user
 * has missed is in the log; and the last one takes the place in the list.
 */
static bool
miss(struct delivery *d, int error)
{
	struct recipient_set *to = d->mail.to;
	struct recipient_mailbox *box = &to->boxes[d->mail.at];

	if (box->needed || is_everybodys(error))
		return false;
	maildir_log_failure(d->mail.spool, &(struct maildir_failure){
	    .session = d->session, .id = d->tx->id, .what = d->mail.what,
	    .box = box, .error = error,
	    .then = "the others of the alias have it, this one misses it" });
	*box = to->boxes[--to->count];
	return true;
}

static bool
is_delivered(const struct delivery *d)
{
	return d->mail.at == d->mail.to->count;
}

/*
 * Gives d to most Maildirs more, or as many as there is time for; false:
 * it failed, and is no longer the caller's.
 */
static bool
deliver(struct master *m, struct delivery *d, size_t most)
{
	int64_t until = deadline_now_us() + piece_us;
	struct commit *c = m->commit;

	for (size_t i = 0; i < most && !is_delivered(d); i++) {
		enum maildir_result got;
		int error;

		if (i > 0 && deadline_now_us() >= until)
			break;
		got = maildir_deliver(&c->batch, &d->mail);
		error = errno;
		if (got == MAILDIR_MORE)
			break;
		if (got == MAILDIR_DONE || miss(d, error))
			continue;
		fail(m, d, d->mail.what, error,
		    &d->mail.to->boxes[d->mail.at]);
		return false;
	}
	return true;
}

/* Makes durable what was delivered in this turn: 0, or errno. */
static int
sync_batch(struct master *m)
{
	struct maildir_batch *b = &m->commit->batch;
	int error = maildir_sync(b) == -1 ? errno : 0;

	m->counters.value[COUNTER_COMMITS]++;
	m->counters.value[COUNTER_SYNCS] += b->syncs;
	b->syncs = 0;
	return error;
}

/*
 * Answers who has all.  After an fsync that failed nobody knows which of the
 * names are durable: all that were touched are taken back.
 */
static void
settle(struct master *m, struct delivery_list *touched, int error)
{
	struct delivery_list done = TAILQ_HEAD_INITIALIZER(done);
	struct commit *c = m->commit;
	struct delivery *d;

	while ((d = TAILQ_FIRST(touched)) != NULL) {
		TAILQ_REMOVE(touched, d, entry);
		if (error != 0) {
			fail(m, d, "fsync of a Maildir", error,
			    &c->batch.failed);
		} else if (is_delivered(d)) {
			d->owner.record(d->owner.arg);
			TAILQ_INSERT_TAIL(&done, d, entry);
		} else
			TAILQ_INSERT_TAIL(&c->large, d, entry);
	}
	if (!TAILQ_EMPTY(&done) && log_message_flush(&m->log) == -1)
		log_error("write", "log/message", errno);
	/* What somebody is told of is in the log before that. */
	log_flush();
	while ((d = TAILQ_FIRST(&done)) != NULL) {
		TAILQ_REMOVE(&done, d, entry);
		answer(m, d);
	}
}

/* Has this turn room for all that d may touch? */
static bool
fits(const struct commit *c, const struct delivery *d)
{
	size_t n = d->mail.to->count;

	return c->batch.count + (n < first_max ? n : first_max) <=
	    maildir_dirs_max;
}

static void
run_batch(struct master *m)
{
	struct delivery_list touched = TAILQ_HEAD_INITIALIZER(touched);
	int64_t until = deadline_now_us() + batch_us;
	struct commit *c = m->commit;
	uint64_t count = 0;
	struct delivery *d;

	while ((d = TAILQ_FIRST(&c->fresh)) != NULL && fits(c, d) &&
	    (count == 0 || deadline_now_us() < until)) {
		TAILQ_REMOVE(&c->fresh, d, entry);
		name_message(m, d->tx);
		count++;
		if (deliver(m, d, first_max))
			TAILQ_INSERT_TAIL(&touched, d, entry);
	}
	counters_note(&m->counters, HISTOGRAM_BATCH, count);
	settle(m, &touched, sync_batch(m));
	plan_piece(c);
}

static void
on_batch(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval now = { 0, 0 };
	struct master *m = arg;

	(void)fd;
	(void)what;
	run_batch(m);
	/* By a timer: the loop looks for records before that. */
	if (!TAILQ_EMPTY(&m->commit->fresh))
		event_add(m->commit->batch_due, &now);
}

/* In whose Maildir d was put last may have read it, and moved it. */
static void
take_back(struct master *m, struct delivery *d, size_t most)
{
	int64_t until = deadline_now_us() + piece_us;

	for (size_t i = 0; i < most && (d->mail.at > 0 || d->mail.copying) &&
	    (i == 0 || deadline_now_us() < until); i++) {
		if (maildir_take_back(&d->mail) == 0)
			continue;
		d->left_in = d->mail.to->boxes[d->mail.at];
		d->left++;
	}
	if (d->mail.at > 0 || d->mail.copying)
		TAILQ_INSERT_HEAD(&m->commit->large, d, entry);
	else {
		if (d->left > 0)
			log_left(d);
		log_flush();
		answer(m, d);
	}
}

/* Who owes least is next; what is taken back before all others. */
static struct delivery *
find_next(struct commit *c, int64_t now_us)
{
	struct delivery *d, *best = NULL;
	int64_t owed, least = INT64_MAX;

	TAILQ_FOREACH(d, &c->large, entry) {
		owed = d->error != 0 ? 0 : address_charge(d->owner.host, 0,
		    now_us);
		if (owed < least) {
			least = owed;
			best = d;
		}
	}
	return best;
}

/* As many Maildirs at a time as a piece has time for, on this disk. */
static void
adapt_piece(struct commit *c, int64_t took_us)
{
	if (took_us > 2 * piece_us && c->piece > 1)
		c->piece /= 2;
	else if (took_us < piece_us && c->piece < maildir_dirs_max)
		c->piece *= 2;
}

/*
 * After a piece others have the loop for a multiple of the time it took; but
 * where nobody has said anything since the last one, it goes on at once.
 */
static void
run_piece(struct master *m)
{
	struct delivery_list touched = TAILQ_HEAD_INITIALIZER(touched);
	int64_t now_us, begun_us = deadline_now_us();
	struct commit *c = m->commit;
	struct delivery *d = find_next(c, begun_us);
	bool quiet = pool_heard(m) == c->heard;
	struct address_host *host;
	int error = 0;

	if (d == NULL)
		return;
	TAILQ_REMOVE(&c->large, d, entry);
	if (d->error != 0)
		take_back(m, d, maildir_dirs_max);
	else {
		host = d->owner.host;
		if (deliver(m, d, c->piece))
			TAILQ_INSERT_TAIL(&touched, d, entry);
		error = sync_batch(m);
		now_us = deadline_now_us();
		adapt_piece(c, now_us - begun_us);
		(void)address_charge(host, (now_us - begun_us) *
		    (rest_times + 1), now_us);
		settle(m, &touched, error);
	}
	now_us = deadline_now_us();
	c->rest_until_us = quiet ? now_us :
	    now_us + (now_us - begun_us) * rest_times;
	c->heard = pool_heard(m);
}

static void
on_piece(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;

	(void)fd;
	(void)what;
	run_piece(m);
	plan_piece(m->commit);
}

int
commit_init(struct master *m)
{
	struct commit *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return -1;
	TAILQ_INIT(&c->fresh);
	TAILQ_INIT(&c->large);
	c->piece = 1;
	c->batch_due = event_new(m->base, -1, 0, on_batch, m);
	c->piece_due = event_new(m->base, -1, 0, on_piece, m);
	m->commit = c;
	return c->batch_due == NULL || c->piece_due == NULL ? -1 : 0;
}

struct delivery *
commit_add(struct master *m, struct transaction *tx,
    const struct commit_owner *owner)
{
	struct delivery *d = calloc(1, sizeof(*d));
	struct commit *c = m->commit;

	if (d == NULL)
		return NULL;
	d->owner = *owner;
	snprintf(d->session, sizeof(d->session), "%s", owner->session);
	d->tx = tx;
	d->mail.spool = &m->spool;
	d->mail.to = &tx->boxes;
	d->mail.id = tx->id;
	d->mail.name = tx->name;
	d->mail.size = tx->size;
	d->begun_us = deadline_now_us();
	/* Behind all that is active now: those may bring more commits. */
	if (TAILQ_EMPTY(&c->fresh))
		event_active(c->batch_due, EV_TIMEOUT, 0);
	TAILQ_INSERT_TAIL(&c->fresh, d, entry);
	return d;
}

void
commit_forget(struct master *m, struct delivery *d)
{
	if (d->mail.at == 0 && !d->mail.copying && d->error == 0) {
		TAILQ_REMOVE(d->tx->name[0] == '\0' ? &m->commit->fresh :
		    &m->commit->large, d, entry);
		free(d);
		return;
	}
	/* It has a life of its own until nothing of it is left. */
	d->disowned = true;
	d->own = *d->tx;
	memset(d->tx, 0, sizeof(*d->tx));
	(void)conf_epoch_enter(d->owner.epoch);
	d->tx = &d->own;
	d->mail.to = &d->own.boxes;
	d->mail.id = d->own.id;
	d->mail.name = d->own.name;
	if (d->error == 0)
		d->error = ECANCELED;
}

void
commit_finish(struct master *m)
{
	struct commit *c = m->commit;
	struct delivery *d;

	while (!TAILQ_EMPTY(&c->fresh))
		run_batch(m);
	while ((d = TAILQ_FIRST(&c->large)) != NULL) {
		TAILQ_REMOVE(&c->large, d, entry);
		if (d->error == 0)
			d->error = ECANCELED;
		take_back(m, d, maildir_dirs_max);
	}
}
