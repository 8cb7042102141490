/*
 * Delivery of messages into Maildirs.  The order, by which 250 means on disk:
 * data and fdatasync (the worker), link, fsync of the directory, log, answer.
 *
 * Commits gather during a turn of the loop and while disk has as many batches
 * as processes; then each is linked into its first Maildirs, disk syncs each
 * directory once, and complete messages are answered.  The others go on in
 * pieces, beside other clients, and so is what failed removed again.
 */
#include "server/mail/commit.h"

#include <errno.h>
#include <stdlib.h>

#include "server/log/log_message.h"
#include "server/mail/delivery.h"
#include "server/process/disk.h"
#include "server/process/pool.h"
#include "shared/deadline.h"
#include "shared/log.h"

enum {
	turns_max = disk_processes,
	gather_min_us = 1000,	/* while a sync is under way */
	batch_us = 10 * 1000,	/* a turn begins no message after that */
	quiet_times = 8,	/* factor, while nobody waits for a piece */
	rest_times = 3		/* a rest is so many pieces long, or none */
};

/* A batch or a piece, from its first link until its sync has ended. */
struct turn {
	struct master		*master;
	struct maildir_batch	 batch;
	struct delivery_list	 touched;	/* waits for the sync */
	struct disk_job		 sync;		/* of batch */
	bool			 syncing;	/* sync is under way */
	int64_t			 begun_us;
	bool			 of_piece;
};

struct commit {
	struct delivery_list	 fresh;		/* not begun */
	struct delivery_list	 large;		/* in pieces */
	struct turn		 turns[turns_max];
	struct event		*next;		/* batch or piece */
	int64_t			 sync_us;	/* time the last sync took */
	int64_t			 fresh_at_us;	/* no batch before that, */
	int64_t			 piece_at_us;	/* and no piece; there is one:
						   INT64_MAX */
	size_t			 piece;		/* Maildirs at a time */
	uint64_t		 heard;		/* pool_heard at its end */
};

/* NULL: out of any list. */
static void
move(struct delivery *d, struct delivery_list *to)
{
	if (d->in != NULL)
		TAILQ_REMOVE(d->in, d, entry);
	d->in = to;
	if (to != NULL)
		TAILQ_INSERT_TAIL(to, d, entry);
}

static void
end(struct delivery *d)
{
	move(d, NULL);
	delivery_end(d);
}

/*
 * A turn to begin; NULL: all are under way.  One that makes Maildirs has the
 * lock of makers, which this process can hold once, so it is the last one.
 */
static struct turn *
find_turn(struct commit *c)
{
	struct turn *found = NULL;

	for (size_t i = 0; i < turns_max; i++) {
		if (!c->turns[i].syncing)
			found = &c->turns[i];
		else if (c->turns[i].batch.making)
			return NULL;
	}
	return found;
}

/* By a timer, so that the loop looks for records before that. */
static void
plan_next(struct commit *c)
{
	int64_t at_us = TAILQ_EMPTY(&c->fresh) ? INT64_MAX : c->fresh_at_us,
	    us;
	struct timeval wait = { 0, 0 };

	if (!TAILQ_EMPTY(&c->large) && c->piece_at_us < at_us)
		at_us = c->piece_at_us;
	if (at_us == INT64_MAX || find_turn(c) == NULL)
		return;
	us = at_us - deadline_now_us();
	if (us > 0) {
		wait.tv_sec = (time_t)(us / 1000000);
		wait.tv_usec = (suseconds_t)(us % 1000000);
	}
	event_add(c->next, &wait);
}

/*
 * Answers complete messages.  After a failed fsync it is unknown which names
 * are durable: all messages of the batch are removed again.
 */
static void
settle(struct turn *t, int error, const struct recipient_mailbox *failed)
{
	struct delivery_list done = TAILQ_HEAD_INITIALIZER(done);
	struct master *m = t->master;
	struct delivery *d;

	while ((d = TAILQ_FIRST(&t->touched)) != NULL) {
		if (d->error == 0 && error != 0)
			delivery_fail(d, failed->user == NULL ?
			    "fsync in the queue" : "fsync of a Maildir",
			    error, failed->user == NULL ? NULL : failed);
		if (d->error == 0 && delivery_is_complete(d)) {
			delivery_record(d);
			move(d, &done);
		} else {
			delivery_log_slow(d, false);
			move(d, &m->commit->large);
		}
	}
	if (!TAILQ_EMPTY(&done) && log_message_flush(m->log) == -1)
		log_error("write", "log/message", errno);
	/* The log has a message before its client is answered. */
	log_flush();
	while ((d = TAILQ_FIRST(&done)) != NULL)
		end(d);
}

/*
 * The owner of the message is charged.  Maildirs in a piece are adapted to the
 * time that it has on this disk: more when no worker sent a record.  Then the
 * next begins at once; else others have loop and disk for a while.
 */
static void
end_piece(struct turn *t)
{
	struct commit *c = t->master->commit;
	const struct delivery *d = TAILQ_FIRST(&t->touched);
	const uint64_t heard = pool_count(t->master)[POOL_HEARD];
	const bool quiet = heard == c->heard;
	const int64_t now_us = deadline_now_us(), took_us = now_us -
	    t->begun_us, has_us = delivery_piece_us * (quiet ? quiet_times : 1);

	c->heard = heard;
	if (took_us > 2 * has_us && c->piece > 1)
		c->piece /= 2;
	else if (took_us < has_us && c->piece < maildir_dirs_max)
		c->piece *= 2;
	if (d != NULL && d->owner != NULL)
		(void)deadline_owe(d->tx.client.paid_until_us,
		    took_us * (rest_times + 1), now_us);
	c->piece_at_us = now_us + (quiet ? 0 : rest_times * took_us);
}

static void
on_synced(void *arg, int error, size_t failed)
{
	struct turn *t = arg;
	struct master *m = t->master;
	struct commit *c = m->commit;
	const struct recipient_mailbox box = t->batch.dirs[failed].box;

	m->counters.value[COUNTER_COMMITS]++;
	m->counters.value[COUNTER_SYNCS] += t->batch.count;
	maildir_end_batch(&t->batch, m->spool, error);
	t->syncing = false;
	c->sync_us = deadline_now_us() - t->begun_us;
	c->fresh_at_us = 0;
	if (t->of_piece)
		end_piece(t);
	settle(t, error, &box);
	plan_next(c);
}

/*
 * The next batch gathers for a part of that time, unless a sync ends before:
 * those that began together would end together, and the next wait for two.
 */
static void
sync_turn(struct turn *t)
{
	struct commit *c = t->master->commit;

	t->syncing = true;
	c->fresh_at_us = t->begun_us + (c->sync_us > turns_max * gather_min_us ?
	    c->sync_us / turns_max : gather_min_us);
	t->sync = (struct disk_job){ .fds = t->batch.fds,
	    .count = t->batch.count, .done = on_synced, .arg = t };
	disk_sync(t->master, &t->sync);
}

static void
run_batch(struct turn *t)
{
	struct master *m = t->master;
	struct commit *c = m->commit;
	uint64_t count = 0;
	struct delivery *d;

	t->of_piece = false;
	t->begun_us = deadline_now_us();
	for (; (d = TAILQ_FIRST(&c->fresh)) != NULL; count++) {
		size_t n = d->mail.to->count;

		/* Three more: a new folder of the queue. */
		if (!maildir_has_room(&t->batch, 3 +
		    (n < delivery_first_max ? n : delivery_first_max)) ||
		    (count > 0 && deadline_now_us() >=
		    t->begun_us + batch_us))
			break;
		move(d, delivery_go_on(d, &t->batch, delivery_first_max) ?
		    &t->touched : &c->large);
	}
	counters_note(&m->counters, HISTOGRAM_BATCH, count);
	sync_turn(t);
}

static void
take_back(struct master *m, struct delivery *d)
{
	if (!delivery_take_back(d, maildir_dirs_max)) {
		move(d, &m->commit->large);
		return;
	}
	log_flush();
	end(d);
}

/* One that is being removed, else the message whose host owes least. */
static struct delivery *
find_next(struct commit *c, int64_t now_us)
{
	struct delivery *d, *best = NULL;
	int64_t owed, least = INT64_MAX;

	TAILQ_FOREACH(d, &c->large, entry) {
		owed = d->error != 0 ? 0 :
		    deadline_owe(d->tx.client.paid_until_us, 0, now_us);
		if (owed < least) {
			least = owed;
			best = d;
		}
	}
	return best;
}

static void
run_piece(struct turn *t)
{
	struct master *m = t->master;
	struct commit *c = m->commit;
	struct delivery *d;

	t->of_piece = true;
	t->begun_us = deadline_now_us();
	c->piece_at_us = INT64_MAX;
	d = find_next(c, t->begun_us);
	if (d != NULL && d->error != 0)
		take_back(m, d);
	else if (d != NULL)
		move(d, delivery_go_on(d, &t->batch, c->piece) ? &t->touched :
		    &c->large);
	if (t->batch.count > 0)
		sync_turn(t);
	else {
		/* It may have the lock of makers, and have made nothing. */
		maildir_end_batch(&t->batch, m->spool, 0);
		end_piece(t);
		settle(t, 0, NULL);
	}
}

/* After a piece with others under way, none is due for a while. */
static void
on_next(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;
	struct commit *c = m->commit;
	const int64_t now_us = deadline_now_us();
	struct turn *t = find_turn(c);

	if (t == NULL)
		return;
	if (!TAILQ_EMPTY(&c->large) && c->piece_at_us <= now_us)
		run_piece(t);
	else if (!TAILQ_EMPTY(&c->fresh) && c->fresh_at_us <= now_us)
		run_batch(t);
	plan_next(c);
}

int
commit_init(struct master *m)
{
	struct commit *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return -1;
	TAILQ_INIT(&c->fresh);
	TAILQ_INIT(&c->large);
	for (size_t i = 0; i < turns_max; i++) {
		c->turns[i].master = m;
		TAILQ_INIT(&c->turns[i].touched);
	}
	c->piece = 1;
	c->next = event_new(m->base, -1, 0, on_next, m);
	m->commit = c;
	return c->next == NULL ? -1 : 0;
}

int
commit_add(struct message *t)
{
	struct commit *c = t->client.master->commit;
	struct delivery *d = delivery_make(t);

	if (d == NULL)
		return -1;
	/* After all events that are active now: they may add more commits. */
	if (TAILQ_EMPTY(&c->fresh) && find_turn(c) != NULL)
		event_active(c->next, EV_TIMEOUT, 0);
	move(d, &c->fresh);
	return 0;
}

/* d stays until no Maildir has the message any more. */
void
commit_forget(struct delivery *d)
{
	struct commit *c = d->tx.client.master->commit;

	d->owner = NULL;
	if (d->error == 0)
		d->error = ECANCELED;
	if (d->in == &c->fresh)
		move(d, &c->large);
	plan_next(c);
}

void
commit_finish(struct master *m)
{
	struct commit *c = m->commit;
	struct delivery *d;

	disk_finish();
	while (!TAILQ_EMPTY(&c->fresh))
		run_batch(&c->turns[0]);
	while ((d = TAILQ_FIRST(&c->large)) != NULL) {
		if (d->error == 0)
			d->error = ECANCELED;
		take_back(m, d);
	}
}
