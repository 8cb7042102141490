/*
 * Delivery of one message into its Maildirs.
 */
#include "server/mail/delivery.h"

#include <errno.h>
#include <string.h>

#include "shared/deadline.h"
#include "shared/log.h"

enum { slow_us = 1000 * 1000 };	/* a delivery that takes longer is logged */

void
delivery_log_slow(struct delivery *d, bool ended)
{
	int64_t us = deadline_now_us() - d->begun_us;
	struct log_line l;

	if (ended ? !d->slow : d->slow || us < slow_us)
		return;
	d->slow = true;
	if (ended)
		log_begin(&l, LOG_LEVEL_INFO, "delivery-ended");
	else
		log_begin(&l, LOG_LEVEL_INFO, "delivery-slow");
	log_str(&l, "session", d->session);
	log_str(&l, "id", d->tx->id);
	log_u64(&l, "mailboxes", d->mail.to->count);
	log_u64(&l, "done", d->mail.at);
	log_u64(&l, "made", d->mail.made);
	log_u64(&l, "ms", (uint64_t)us / 1000);
	if (d->error != 0)
		log_str(&l, "why", strerror(d->error));
	log_end(&l);
}

/*
 * One broken Maildir of an alias fails for its user alone.  What that user
 * misses is logged; the last mailbox takes its place in the list.
 */
static bool
miss(struct delivery *d, int error)
{
	struct recipient_set *to = d->mail.to;
	struct recipient_mailbox *box = &to->boxes[d->mail.at];

	/* Errors that all Maildirs have, now or soon. */
	if (box->needed || error == ENOSPC || error == EDQUOT ||
	    error == ENOMEM || error == EMFILE || error == ENFILE)
		return false;
	maildir_log_failure(d->mail.spool, &(struct maildir_failure){
	    .session = d->session, .id = d->tx->id, .what = d->mail.what,
	    .box = box, .error = error,
	    .then = "the others of the alias have it, this one misses it" });
	*box = to->boxes[--to->count];
	return true;
}

bool
delivery_is_whole(const struct delivery *d)
{
	return d->mail.at == d->mail.to->count;
}

bool
delivery_go_on(struct delivery *d, struct maildir_batch *b, size_t most)
{
	int64_t until = deadline_now_us() + delivery_piece_us;

	for (size_t i = 0; i < most && !delivery_is_whole(d); i++) {
		enum maildir_result got;
		int error;

		if (i > 0 && (deadline_now_us() >= until ||
		    !maildir_has_room(b, 1)))
			break;
		got = maildir_deliver(b, &d->mail);
		error = errno;
		if (got == MAILDIR_MORE)
			break;
		if (got == MAILDIR_DONE || miss(d, error))
			continue;
		delivery_fail(d, d->mail.what, error,
		    &d->mail.to->boxes[d->mail.at]);
		return false;
	}
	return true;
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

/* A user may have read d already, and so moved it: it stays there. */
bool
delivery_take_back(struct delivery *d, size_t most)
{
	int64_t until = deadline_now_us() + delivery_piece_us;
	struct log_line l;

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
	log_str(&l, "session", d->session);
	log_str(&l, "id", d->tx->id);
	log_u64(&l, "mailboxes", d->left);
	maildir_log_place(&l, &d->left_in);
	log_str(&l, "file", d->tx->name);
	log_end(&l);
	return true;
}
