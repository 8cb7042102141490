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

#include "server/mail/ahead.h"
#include "server/mail/delivery.h"
#include "server/mail/maildir.h"
#include "server/process/pool.h"
#include "shared/deadline.h"
#include "shared/log.h"

enum {
	name_host_bytes = 128,
	batch_us = 10 * 1000,	/* no new message after that, in a turn */
	quiet_times = 8,	/* as long is a piece that nobody waits for */
	rest_times = 7,		/* as long as a piece others have the loop */
	slow_us = 1000 * 1000	/* so long a message has a line in the log */
};

struct commit {
	struct delivery_list	 fresh;		/* not begun */
	struct delivery_list	 large;		/* in pieces */
	struct event		*batch_due;
	struct event		*piece_due;
	struct maildir_batch	 batch;
	size_t			 piece;		/* Maildirs at a time */
	int64_t			 rest_us;	/* so long the last one took */
	unsigned		 rests;		/* at most so many more */
	int64_t			 rest_until_us;
	uint64_t		 heard;		/* when the rest began */
	struct ahead		 ahead;		/* when there is nothing else */
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

/* Tells whose it is, and forgets d; its file has left the spool. */
static void
answer(struct master *m, struct delivery *d)
{
	const struct commit_owner owner = d->owner;
	int64_t us = deadline_now_us() - d->begun_us;
	bool disowned = d->disowned;
	int error = d->error;

	delivery_log_slow(d, true);
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

	if ((TAILQ_EMPTY(&c->large) && c->ahead.epoch == NULL) ||
	    event_pending(c->piece_due, EV_TIMEOUT, NULL))
		return;
	if (us > 0) {
		wait.tv_sec = (time_t)(us / 1000000);
		wait.tv_usec = (suseconds_t)(us % 1000000);
	}
	event_add(c->piece_due, &wait);
}

/* Makes durable what was delivered in this turn: 0, or errno. */
static int
sync_batch(struct master *m)
{
	struct maildir_batch *b = &m->commit->batch;
	int error = maildir_sync(b, &m->spool) == -1 ? errno : 0;

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
			delivery_fail(d, "fsync of a Maildir", error,
			    &c->batch.failed);
			TAILQ_INSERT_TAIL(&c->large, d, entry);
		} else if (delivery_is_whole(d)) {
			d->owner.record(d->owner.arg);
			TAILQ_INSERT_TAIL(&done, d, entry);
		} else {
			delivery_log_slow(d, false);
			TAILQ_INSERT_TAIL(&c->large, d, entry);
		}
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

	return maildir_has_room(&c->batch,
	    n < delivery_first_max ? n : delivery_first_max);
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
		if (delivery_go_on(d, &c->batch, delivery_first_max))
			TAILQ_INSERT_TAIL(&touched, d, entry);
		else
			TAILQ_INSERT_TAIL(&c->large, d, entry);
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

static void
take_back(struct master *m, struct delivery *d)
{
	if (delivery_take_back(d, maildir_dirs_max)) {
		log_flush();
		answer(m, d);
	} else
		TAILQ_INSERT_HEAD(&m->commit->large, d, entry);
}

/* Who owes least is next; what is taken back before all others. */
static struct delivery *
find_next(struct commit *c, int64_t now_us)
{
	struct delivery *d, *best = NULL;
	int64_t owed, least = INT64_MAX;

	TAILQ_FOREACH(d, &c->large, entry) {
		owed = d->error != 0 ? 0 : d->owner.charge(d->owner.arg, 0,
		    now_us);
		if (owed < least) {
			least = owed;
			best = d;
		}
	}
	return best;
}

/*
 * As many Maildirs at a time as a piece has time for, on this disk; more when
 * nobody waits, as they share what is to be synced.
 */
static void
adapt_piece(struct commit *c, int64_t took_us, bool quiet)
{
	const int64_t us = quiet ? delivery_piece_us * quiet_times : delivery_piece_us;

	if (took_us > 2 * us && c->piece > 1)
		c->piece /= 2;
	else if (took_us < us && c->piece < maildir_dirs_max)
		c->piece *= 2;
}

/* Maildirs are made ahead while no message is on its way in pieces. */
static void
make_ahead(struct master *m, bool quiet)
{
	struct commit *c = m->commit;
	int64_t begun_us = deadline_now_us();
	int error = 0;

	if (!spool_has_room(&m->spool, &m->conf.limits, 0)) {
		ahead_end(&c->ahead, ENOSPC);
		return;
	}
	ahead_piece(&c->ahead, &c->batch, c->piece, begun_us + delivery_piece_us);
	if (c->batch.count == 0)
		return;
	error = sync_batch(m);
	adapt_piece(c, deadline_now_us() - begun_us, quiet);
	if (error != 0)
		ahead_end(&c->ahead, error);
}

/* quiet: nobody has said anything while it rested. */
static void
run_piece(struct master *m, bool quiet)
{
	struct delivery_list touched = TAILQ_HEAD_INITIALIZER(touched);
	int64_t now_us, begun_us = deadline_now_us();
	struct commit *c = m->commit;
	struct delivery *d = find_next(c, begun_us);
	int error = 0;

	if (d != NULL)
		TAILQ_REMOVE(&c->large, d, entry);
	if (d == NULL && c->ahead.epoch == NULL)
		return;
	if (d == NULL)
		make_ahead(m, quiet);
	else if (d->error != 0)
		take_back(m, d);
	else {
		if (delivery_go_on(d, &c->batch, c->piece))
			TAILQ_INSERT_TAIL(&touched, d, entry);
		else
			TAILQ_INSERT_TAIL(&c->large, d, entry);
		error = sync_batch(m);
		now_us = deadline_now_us();
		adapt_piece(c, now_us - begun_us, quiet);
		(void)d->owner.charge(d->owner.arg, (now_us - begun_us) *
		    (rest_times + 1), now_us);
		settle(m, &touched, error);
	}
	now_us = deadline_now_us();
	c->rest_us = now_us - begun_us;
	c->rests = quiet ? 0 : rest_times - 1;
	c->rest_until_us = now_us + (quiet ? 0 : c->rest_us);
}

/*
 * After a piece others have the loop for the time it took, and for as long
 * again while they have something to say, up to a multiple of it.
 */
static void
on_piece(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;
	struct commit *c = m->commit;
	const bool quiet = pool_heard(m) == c->heard;

	(void)fd;
	(void)what;
	c->heard = pool_heard(m);
	if (!quiet && c->rests > 0) {
		c->rests--;
		c->rest_until_us = deadline_now_us() + c->rest_us;
	} else
		run_piece(m, quiet);
	plan_piece(c);
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

void
commit_make_ahead(struct master *m)
{
	ahead_begin(&m->commit->ahead, &m->spool, m->epoch);
	plan_piece(m->commit);
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

	ahead_end(&c->ahead, 0);
	while (!TAILQ_EMPTY(&c->fresh))
		run_batch(m);
	while ((d = TAILQ_FIRST(&c->large)) != NULL) {
		TAILQ_REMOVE(&c->large, d, entry);
		if (d->error == 0)
			d->error = ECANCELED;
		take_back(m, d);
	}
}
