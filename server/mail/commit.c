/*
 * Delivery of messages into Maildirs.  The order, by which 250 means on disk:
 * data and fdatasync (the worker), link, fsync of the directory, log, answer.
 *
 * Commits gather during a turn of the loop and while disk has as many batches
 * as processes; then each is linked into its first Maildirs, disk syncs each
 * directory once, and complete messages are answered.  The others go on in
 * pieces, beside other clients, and so is what failed removed again.
 */
#include "server/mail/message.h"

#include <errno.h>
#include <stdlib.h>

#include "server/log/log_message.h"
#include "server/process/helper.h"
#include "server/process/pool.h"
#include "shared/deadline.h"

enum {
	turns_max = disk_processes,
	gather_min_us = 1000,	/* while a sync is under way */
	batch_us = 10 * 1000,	/* a turn begins no message after that */
	piece_max = 16,		/* Maildirs; nobody else makes any meanwhile */
	rest_times = 3		/* a rest is so many pieces long, or none */
};

/* A batch or a piece, from its first link until its sync has ended. */
struct turn {
	struct master		*master;
	struct maildir_batch	 batch;
	struct message_list	 touched;	/* waits for the sync */
	struct disk_job		 sync;		/* of batch */
	bool			 syncing;	/* sync is under way */
	int64_t			 begun_us;
	bool			 of_piece;
};

struct commit {
	struct message_list	 fresh;		/* not begun */
	struct message_list	 large;		/* in pieces */
	struct turn		 turns[turns_max];
	struct event		*next;		/* batch or piece */
	int64_t			 sync_us;	/* time the last sync took */
	int64_t			 fresh_at_us;	/* no batch before that, */
	int64_t			 piece_at_us;	/* and no piece; there is one:
						   INT64_MAX */
	uint64_t		 heard;		/* pool_heard at its end */
};

/* NULL: out of any list. */
static void
move(struct message *t, struct message_list *to)
{
	if (t->in != NULL)
		TAILQ_REMOVE(t->in, t, entry);
	t->in = to;
	if (to != NULL)
		TAILQ_INSERT_TAIL(to, t, entry);
}

static void
end(struct message *t)
{
	move(t, NULL);
	message_finish(t);
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
	int64_t at_us = TAILQ_EMPTY(&c->fresh) ? INT64_MAX : c->fresh_at_us;

	if (!TAILQ_EMPTY(&c->large) && c->piece_at_us < at_us)
		at_us = c->piece_at_us;
	if (at_us == INT64_MAX || find_turn(c) == NULL)
		return;
	at_us -= deadline_now_us();
	if (at_us < 0)
		at_us = 0;
	event_add(c->next,
	    &(struct timeval){ at_us / 1000000, at_us % 1000000 });
}

/*
 * Answers complete messages.  After a failed fsync it is unknown which names
 * are durable: all messages of the batch are removed again.
 */
static void
settle(struct turn *turn, int error, const struct recipient_mailbox *failed)
{
	struct message_list done = TAILQ_HEAD_INITIALIZER(done);
	struct master *m = turn->master;
	struct message *t;

	while ((t = TAILQ_FIRST(&turn->touched)) != NULL) {
		if (t->error == 0 && error != 0)
			message_fail(t, failed->user == NULL ?
			    "fsync in the queue" : "fsync of a Maildir",
			    error, failed->user == NULL ? NULL : failed);
		if (t->error == 0 && message_is_complete(t)) {
			message_record(t);
			move(t, &done);
		} else {
			message_log_slow(t, false);
			move(t, &m->commit->large);
		}
	}
	if (!TAILQ_EMPTY(&done) && log_message_flush(m->log) == -1)
		log_error("write", "log/message", errno);
	/* The log has a message before its client is answered. */
	log_flush();
	while ((t = TAILQ_FIRST(&done)) != NULL)
		end(t);
}

/*
 * The owner of the message is charged.  When no worker sent a record, the next
 * piece begins at once; else others have loop and disk for a while.
 */
static void
end_piece(struct turn *turn)
{
	struct commit *c = turn->master->commit;
	const struct message *t = TAILQ_FIRST(&turn->touched);
	const uint64_t heard = pool_count(turn->master)[POOL_HEARD];
	const int64_t now_us = deadline_now_us(),
	    took_us = now_us - turn->begun_us;

	if (t != NULL && t->done != NULL)
		(void)deadline_owe(t->client.paid_until_us,
		    took_us * (rest_times + 1), now_us);
	c->piece_at_us = now_us +
	    (heard == c->heard ? 0 : rest_times * took_us);
	c->heard = heard;
}

static void
on_synced(void *arg, int error, size_t failed)
{
	struct turn *turn = arg;
	struct master *m = turn->master;
	struct commit *c = m->commit;
	const struct recipient_mailbox box = turn->batch.dirs[failed].box;

	m->counters.value[COUNTER_SYNCS] += turn->batch.count;
	if (turn->batch.count > 0) {
		m->counters.value[COUNTER_COMMITS]++;
		c->sync_us = deadline_now_us() - turn->begun_us;
	}
	/* Without a directory it may have the lock of makers all the same. */
	maildir_end_batch(&turn->batch, m->spool, error);
	turn->syncing = false;
	c->fresh_at_us = 0;
	if (turn->of_piece)
		end_piece(turn);
	settle(turn, error, &box);
	plan_next(c);
}

/*
 * The next batch gathers for a part of that time, unless a sync ends before:
 * those that began together would end together, and the next wait for two.
 */
static void
sync_turn(struct turn *turn)
{
	struct commit *c = turn->master->commit;

	turn->syncing = true;
	c->fresh_at_us = turn->begun_us + (c->sync_us / turns_max >
	    gather_min_us ? c->sync_us / turns_max : gather_min_us);
	turn->sync = (struct disk_job){ .fds = turn->batch.fds,
	    .count = turn->batch.count, .done = on_synced, .arg = turn };
	disk_sync(turn->master, &turn->sync);
}

static void
run_batch(struct turn *turn)
{
	struct master *m = turn->master;
	struct commit *c = m->commit;
	uint64_t count = 0;
	struct message *t;

	turn->of_piece = false;
	turn->begun_us = deadline_now_us();
	for (; (t = TAILQ_FIRST(&c->fresh)) != NULL; count++) {
		size_t n = t->boxes.count;

		/* Three more: a new folder of the queue. */
		if (!maildir_has_room(&turn->batch, 3 +
		    (n < message_first_max ? n : message_first_max)) ||
		    (count > 0 && deadline_now_us() >=
		    turn->begun_us + batch_us))
			break;
		move(t, message_go_on(t, &turn->batch, message_first_max) ?
		    &turn->touched : &c->large);
	}
	counters_note(&m->counters, HISTOGRAM_BATCH, count);
	sync_turn(turn);
}

static void
take_back(struct master *m, struct message *t)
{
	if (!message_take_back(t, maildir_dirs_max)) {
		move(t, &m->commit->large);
		return;
	}
	log_flush();
	end(t);
}

/* Of large messages each has a piece in turn. */
static void
run_piece(struct turn *turn)
{
	struct master *m = turn->master;
	struct commit *c = m->commit;
	struct message *t = TAILQ_FIRST(&c->large);

	turn->of_piece = true;
	turn->begun_us = deadline_now_us();
	c->piece_at_us = INT64_MAX;
	if (t->error != 0)
		take_back(m, t);
	else
		move(t, message_go_on(t, &turn->batch, piece_max) ?
		    &turn->touched : &c->large);
	sync_turn(turn);
}

/* After a piece with others under way, none is due for a while. */
static void
on_next(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;
	struct commit *c = m->commit;
	const int64_t now_us = deadline_now_us();
	struct turn *turn = find_turn(c);

	if (turn == NULL)
		return;
	if (!TAILQ_EMPTY(&c->large) && c->piece_at_us <= now_us)
		run_piece(turn);
	else if (!TAILQ_EMPTY(&c->fresh) && c->fresh_at_us <= now_us)
		run_batch(turn);
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
	c->next = event_new(m->base, -1, 0, on_next, m);
	m->commit = c;
	return c->next == NULL ? -1 : 0;
}

void
commit_add(struct message *t)
{
	struct commit *c = t->client.master->commit;

	/* After all events that are active now: they may add more commits. */
	if (TAILQ_EMPTY(&c->fresh) && find_turn(c) != NULL)
		event_active(c->next, EV_TIMEOUT, 0);
	move(t, &c->fresh);
}

/* t stays until no Maildir has the message any more. */
void
commit_forget(struct message *t)
{
	struct commit *c = t->client.master->commit;

	t->done = NULL;
	if (t->error == 0)
		t->error = ECANCELED;
	if (t->in == &c->fresh)
		move(t, &c->large);
	plan_next(c);
}

void
commit_finish(struct master *m)
{
	struct commit *c = m->commit;
	struct message *t;

	disk_finish();
	while (!TAILQ_EMPTY(&c->fresh))
		run_batch(&c->turns[0]);
	while ((t = TAILQ_FIRST(&c->large)) != NULL) {
		if (t->error == 0)
			t->error = ECANCELED;
		take_back(m, t);
	}
}
