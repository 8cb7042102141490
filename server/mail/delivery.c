/* Delivery of one message into its Maildirs, and what is logged of it. */
#include "server/mail/delivery.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/log/catcher.h"
#include "server/log/log_message.h"
#include "shared/deadline.h"
#include "shared/log.h"

enum {
	slow_us = 1000 * 1000,	/* a delivery that takes longer is logged */
	name_host_bytes = 128,
	logged_to_max_bytes = 4 * 1024	/* of mailboxes, in the message log */
};

/* ---- begin and end ------------------------------------------------------ */

/*
 * Its name is SECONDS.ID.HOST,S=SIZE: unique by the id, and what Dovecot reads.
 * HOST is cut: a file name has 255 octets, and readers add flags.
 */
struct delivery *
delivery_make(struct message *t)
{
	struct delivery *d = calloc(1, sizeof(*d));
	const struct master *m = t->client.master;

	if (d == NULL)
		return NULL;
	snprintf(d->name, sizeof(d->name), "%lld.%s.%.*s,S=%llu",
	    (long long)time(NULL), t->id, name_host_bytes, m->conf.hostname,
	    (unsigned long long)t->size);
	snprintf(d->session, sizeof(d->session), "%s", t->client.session);
	d->owner = t;
	d->tx = *t;
	d->tx.client.session = d->session;
	memset(t, 0, sizeof(*t));
	t->delivery = d;
	(void)conf_epoch_enter(d->tx.client.epoch);
	d->mail = (struct maildir_delivery){ .spool = m->spool,
	    .to = &d->tx.boxes, .id = d->tx.id, .name = d->name,
	    .size = d->tx.size };
	d->begun_us = deadline_now_us();
	return d;
}

enum verdict
delivery_trouble(int error)
{
	return error == ENOSPC || error == EDQUOT ? VERDICT_DISK_FULL :
	    VERDICT_TROUBLE;
}

static void
tell_owner(struct delivery *d)
{
	struct message *t = &d->tx;
	struct counters *c = &t->client.master->counters;
	const int64_t us = deadline_now_us() - d->begun_us;

	if (d->error == 0) {
		c->value[COUNTER_STORED]++;
		c->value[COUNTER_STORED_OCTETS] += t->size;
		c->value[COUNTER_QUEUED] += t->draft.count > 0;
		c->value[COUNTER_DELIVERED] += t->boxes.count;
		counters_note(c, HISTOGRAM_COMMIT, (uint64_t)us);
	} else
		c->value[COUNTER_UNSTORED]++;
	d->owner->delivery = NULL;
	t->done(t->arg, d->error == 0 ? VERDICT_OK :
	    delivery_trouble(d->error), t, us);
}

void
delivery_end(struct delivery *d)
{
	struct message *t = &d->tx;

	delivery_log_slow(d, true);
	spool_discard(d->mail.spool, t->id);
	if (d->owner != NULL)
		tell_owner(d);
	if (d->queued != NULL)
		queue_admit(t->client.master, d->queued);
	recipient_set_clear(&t->boxes);
	recipient_log_clear(&t->rcpts);
	queue_draft_clear(t->client.master, &t->draft);
	conf_epoch_leave(t->client.epoch);
	free(d);
}

/* ---- the log ------------------------------------------------------------ */

void
delivery_log_slow(struct delivery *d, bool ended)
{
	int64_t us = deadline_now_us() - d->begun_us;

	if (ended ? !d->slow : d->slow || us < slow_us)
		return;
	d->slow = true;
	log_put(LOG_LEVEL_INFO, ended ? "delivery-ended" : "delivery-slow",
	    "session=%s id=%s mailboxes=%zu done=%zu made=%zu ms=%zu why=%s",
	    d->session, d->tx.id, d->mail.to->count, d->mail.at, d->mail.made,
	    (size_t)us / 1000, d->error != 0 ? strerror(d->error) : "");
}

void
delivery_log_failure(const struct message *t, const char *what, int error,
    const struct recipient_mailbox *box, const char *then)
{
	char path[sizeof("spool/incoming/") + ipc_id_bytes];
	struct conf_room room;
	struct log_line l;

	log_begin(&l, LOG_LEVEL_ERROR, "store-failed");
	log_add(&l, "session=%s id=%s what=%s", t->client.session, t->id,
	    what);
	if (box != NULL)
		maildir_log_place(&l, box);
	else {
		snprintf(path, sizeof(path), "spool/incoming/%s", t->id);
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
delivery_fail(struct delivery *d, const char *what, int error,
    const struct recipient_mailbox *where)
{
	d->error = error;
	delivery_log_failure(&d->tx, what, error, where, "");
}

void
delivery_record(struct delivery *d)
{
	const struct message *t = &d->tx;
	struct master *m = t->client.master;
	char from[smtp_mailbox_text_max_bytes], to_text[logged_to_max_bytes];
	struct buf to = buf_over(to_text, sizeof(to_text));
	struct log_record r = {
		.id = span_of(t->id), .session = span_of(d->session),
		.client = span_of(t->client.ip), .port = t->client.port,
		.helo = span_of(t->mail.helo),
		.protocol = span_of(t->protocol),
		.user = span_of(t->client.user),
		.from = span_from(from,
		    smtp_mailbox_text(&t->mail.from, from)),
		.size = t->size, .file = span_of(d->name),
		.mailboxes = t->boxes.count, .recipients = t->rcpts.count,
		.rcpt = span_from(t->rcpts.text, t->rcpts.n),
		.event = t->draft.count == 0 ? LOG_EVENT_STORE :
		    LOG_EVENT_QUEUE,
		.remote = t->draft.count
	};

	recipient_log_mailboxes(&t->boxes, &to);
	r.to = buf_span(&to);
	log_message_add(m->log, &r);
	log_put(LOG_LEVEL_INFO, t->draft.count == 0 ? "store" : "queue",
	    "session=%s id=%s user=%s from=%s to=%s recipients=%zu "
	    "mailboxes=%zu remote?=%zu size=%zu", d->session, t->id,
	    t->client.user, log_address(&t->mail.from),
	    log_address(&t->first_rcpt), t->rcpt_count, t->boxes.count,
	    t->draft.count, (size_t)t->size);
	if (!m->conf.catcher)
		return;
	catcher_message(d->session, m->spool->mail, t->boxes.boxes[0].user,
	    d->name, t->size);
	for (size_t i = 0; i < t->boxes.count; i++)
		catcher_say(d->session, CATCHER_KEPT, "kept for %s: "
		    "%s/new/%s", t->boxes.boxes[i].user,
		    t->boxes.boxes[i].user, d->name);
}

/* ---- delivery ----------------------------------------------------------- */

/*
 * One broken Maildir of an alias fails for its user alone.  What that user
 * misses is logged; the last mailbox takes its place in the list.
 */
static bool
deliver(struct delivery *d, struct maildir_batch *b, size_t most)
{
	int64_t until = deadline_now_us() + delivery_piece_us;
	struct recipient_set *to = d->mail.to;

	for (size_t i = 0; i < most && d->mail.at < to->count; i++) {
		struct recipient_mailbox *box = &to->boxes[d->mail.at];
		enum maildir_result got;
		int error;

		if (i > 0 && (deadline_now_us() >= until ||
		    !maildir_has_room(b, 1)))
			break;
		got = maildir_deliver(b, &d->mail);
		error = errno;
		if (got == MAILDIR_MORE)
			break;
		if (got == MAILDIR_DONE)
			continue;
		/* Errors that all Maildirs have, now or soon, are no miss. */
		if (box->needed || error == ENOSPC || error == EDQUOT ||
		    error == ENOMEM || error == EMFILE || error == ENFILE) {
			delivery_fail(d, d->mail.what, error, box);
			return false;
		}
		delivery_log_failure(&d->tx, d->mail.what, error, box, "the "
		    "others of the alias have it, this one misses it");
		*box = to->boxes[--to->count];
	}
	return true;
}

bool
delivery_is_complete(const struct delivery *d)
{
	return d->mail.at == d->mail.to->count &&
	    (d->tx.draft.count == 0 || d->queued != NULL);
}

bool
delivery_go_on(struct delivery *d, struct maildir_batch *b, size_t most)
{
	if (!deliver(d, b, most))
		return false;
	if (d->mail.at < d->mail.to->count || delivery_is_complete(d) ||
	    !maildir_has_room(b, 3))
		return true;
	d->queued = queue_draft_enter(d->tx.client.master, &d->tx.draft,
	    &d->tx.commit, b);
	if (d->queued == NULL)
		delivery_fail(d, "move into the queue", errno, NULL);
	return d->queued != NULL;
}

/* A user may have read d already, and so moved it: it stays there. */
bool
delivery_take_back(struct delivery *d, size_t most)
{
	int64_t until = deadline_now_us() + delivery_piece_us;
	struct log_line l;

	if (d->queued != NULL)
		queue_remove(d->tx.client.master, d->queued);
	d->queued = NULL;
	for (size_t i = 0; i < most && (d->mail.at > 0 || d->mail.copying) &&
	    (i == 0 || deadline_now_us() < until); i++) {
		if (maildir_take_back(&d->mail) == 0)
			continue;
		d->left_in = d->mail.to->boxes[d->mail.at];
		d->left++;
	}
	if (d->mail.at > 0 || d->mail.copying)
		return false;
	if (d->left == 0)
		return true;
	/* A client that gets 451 may retry: these will have it twice. */
	log_begin(&l, LOG_LEVEL_ERROR, "store-left");
	log_add(&l, "session=%s id=%s mailboxes=%zu", d->session, d->tx.id,
	    d->left);
	maildir_log_place(&l, &d->left_in);
	log_add(&l, "file=%s", d->name);
	log_end(&l);
	return true;
}
