/*
 * Delivery of one message into its Maildirs; and Maildirs made ahead, one alias
 * after the other.  commit.c decides when.
 */
#include "server/mail/delivery.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "shared/deadline.h"
#include "shared/log.h"

enum { slow_us = 1000 * 1000 };	/* a delivery that takes longer is logged */

void
delivery_log_slow(struct delivery *d, bool ended)
{
	int64_t us = deadline_now_us() - d->begun_us;

	if (ended ? !d->slow : d->slow || us < slow_us)
		return;
	d->slow = true;
	log_put(LOG_LEVEL_INFO, ended ? "delivery-ended" : "delivery-slow",
	    "session=%s id=%s mailboxes=%zu done=%zu made=%zu ms=%zu why=%s",
	    d->session, d->tx->id, d->mail.to->count, d->mail.at, d->mail.made,
	    (size_t)us / 1000, d->error != 0 ? strerror(d->error) : "");
}

void
delivery_fail(struct delivery *d, const char *what, int error,
    const struct recipient_mailbox *where)
{
	d->error = error;
	maildir_log_failure(d->mail.spool, &(struct maildir_failure){
	    .session = d->session, .id = d->tx->id, .what = what,
	    .box = where, .error = error });
}

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
		maildir_log_failure(d->mail.spool, &(struct maildir_failure){
		    .session = d->session, .id = d->tx->id,
		    .what = d->mail.what, .box = box, .error = error,
		    .then = "the others of the alias have it, this one "
		    "misses it" });
		*box = to->boxes[--to->count];
	}
	return true;
}

bool
delivery_is_complete(const struct delivery *d)
{
	return d->mail.at == d->mail.to->count &&
	    (d->tx->draft.count == 0 || d->queued != NULL);
}

bool
delivery_go_on(struct delivery *d, struct maildir_batch *b, size_t most)
{
	if (!deliver(d, b, most))
		return false;
	if (d->mail.at < d->mail.to->count || delivery_is_complete(d) ||
	    !maildir_has_room(b, 4))
		return true;
	d->queued = queue_draft_enter(&d->tx->draft, &d->tx->commit, b);
	if (d->queued == NULL)
		delivery_fail(d, "move into the queue", errno, NULL);
	d->mail.moved = d->queued != NULL;
	return d->queued != NULL;
}

/* A user may have read d already, and so moved it: it stays there. */
bool
delivery_take_back(struct delivery *d, size_t most)
{
	int64_t until = deadline_now_us() + delivery_piece_us;
	struct log_line l;

	if (d->queued != NULL)
		queue_remove(d->tx->client.master, d->queued);
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
	log_add(&l, "session=%s id=%s mailboxes=%zu", d->session, d->tx->id,
	    d->left);
	maildir_log_place(&l, &d->left_in);
	log_add(&l, "file=%s", d->tx->name);
	log_end(&l);
	return true;
}

/* ---- Maildirs made ahead ------------------------------------------------ */

void
delivery_end_ahead(struct delivery_ahead *a, int error)
{
	if (a->begun_us != 0 || error != 0)
		log_put(error == 0 ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING,
		    "maildirs-ended", "made=%zu ms=%zu why=%s",
		    (size_t)a->mail.made, a->begun_us == 0 ? 0 :
		    (size_t)(deadline_now_us() - a->begun_us) / 1000,
		    error != 0 ? strerror(error) : "");
	recipient_set_clear(&a->to);
	if (a->epoch != NULL)
		conf_epoch_leave(a->epoch);
	memset(a, 0, sizeof(*a));
}

void
delivery_begin_ahead(struct delivery_ahead *a, const struct spool *s,
    struct conf_epoch *e)
{
	if (a->epoch != NULL)
		delivery_end_ahead(a, 0);
	a->epoch = conf_epoch_enter(e);
	a->mail.spool = s;
	a->mail.to = &a->to;
}

/*
 * Adds the mailboxes that alias reaches and the set lacks.  All mailboxes in
 * the set have been looked at: a full set starts over.
 */
static void
expand(struct delivery_ahead *a, const struct conf_domain *d,
    const struct conf_entry *alias)
{
	struct recipient_reason reason = { .path = NULL };
	char address[smtp_mailbox_text_max_bytes];
	int n = snprintf(address, sizeof(address), "%s@%s", alias->name,
	    d->name);
	struct mailbox to;
	enum verdict verdict;

	if (!smtp_mailbox_from_text(span_from(address, (size_t)n), &to))
		return;
	verdict = recipient_expand(&a->epoch->conf, &to, &a->to, &reason,
	    NULL);
	if (verdict != VERDICT_TOO_MANY || a->to.count == 0)
		return;
	recipient_set_clear(&a->to);
	a->mail.at = 0;
	(void)recipient_expand(&a->epoch->conf, &to, &a->to, &reason,
	    NULL);
}

/* Expands the next alias; skips one that reaches few.  False: no more. */
static bool
go_on(struct delivery_ahead *a)
{
	const struct conf *conf = &a->epoch->conf;
	const struct conf_domain *d = &conf->domains[a->domain];

	if (a->domain == conf->domain_count)
		return false;
	if (a->alias == d->aliases.count) {
		a->domain++;
		a->alias = 0;
		return true;
	}
	expand(a, d, &d->aliases.one[a->alias++]);
	if (a->to.count < a->mail.at + delivery_first_max)
		a->mail.at = a->to.count;
	return true;
}

/* A broken Maildir is skipped: RCPT reports it. */
void
delivery_piece_ahead(struct delivery_ahead *a, struct maildir_batch *b,
    size_t most, int64_t until_us)
{
	const uint64_t before = a->mail.made;
	const struct conf_domain *d;

	while (a->mail.made - before < most && maildir_has_room(b, 1) &&
	    deadline_now_us() < until_us) {
		if (a->mail.at == a->to.count) {
			if (go_on(a))
				continue;
			/* The last Maildirs are made, but not yet durable. */
			if (b->count == 0)
				delivery_end_ahead(a, 0);
			return;
		}
		if (maildir_deliver(b, &a->mail) == MAILDIR_FAILED)
			a->mail.at++;
		if (a->mail.made == 0 || a->begun_us != 0)
			continue;
		a->begun_us = deadline_now_us();
		d = &a->epoch->conf.domains[a->domain];
		log_put(LOG_LEVEL_INFO, "maildirs-begun", "domain=%s alias=%s "
		    "mailboxes=%zu", d->name, d->aliases.one[a->alias - 1].name,
		    (size_t)a->to.count);
	}
}
