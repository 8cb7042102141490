/*
 * Maildirs made ahead, one alias after the other.  commit.c decides when.
 */
#include "server/mail/ahead.h"

#include <stdio.h>
#include <string.h>

#include "server/mail/delivery.h"
#include "server/mail/recipient.h"
#include "shared/deadline.h"

static void
log_begun(struct ahead *a, const struct conf_domain *d)
{
	struct log_line l;

	a->begun_us = deadline_now_us();
	log_begin(&l, LOG_LEVEL_INFO, "maildirs-begun");
	log_str(&l, "domain", d->name);
	log_str(&l, "alias", d->aliases[a->alias - 1].name);
	log_u64(&l, "mailboxes", a->to.count);
	log_end(&l);
}

void
ahead_end(struct ahead *a, int error)
{
	struct log_line l;

	if (a->begun_us != 0 || error != 0) {
		log_begin(&l, error == 0 ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING,
		    "maildirs-ended");
		log_u64(&l, "made", a->mail.made);
		log_u64(&l, "ms", a->begun_us == 0 ? 0 :
		    (uint64_t)(deadline_now_us() - a->begun_us) / 1000);
		if (error != 0)
			log_str(&l, "why", strerror(error));
		log_end(&l);
	}
	recipient_set_clear(&a->to);
	if (a->epoch != NULL)
		conf_epoch_leave(a->epoch);
	memset(a, 0, sizeof(*a));
}

void
ahead_begin(struct ahead *a, const struct spool *s, struct conf_epoch *e)
{
	if (a->epoch != NULL)
		ahead_end(a, 0);
	a->epoch = conf_epoch_enter(e);
	a->mail.spool = s;
	a->mail.to = &a->to;
}

/*
 * Adds the mailboxes that alias reaches and the set lacks.  All mailboxes in
 * the set have been looked at: a full set starts over.
 */
static void
expand(struct ahead *a, const struct conf_domain *d,
    const struct conf_alias *alias)
{
	struct recipient_reason reason = { .path = NULL };
	char address[smtp_mailbox_text_max_bytes];
	int n = snprintf(address, sizeof(address), "%s@%s", alias->name,
	    d->name);
	struct mailbox to;
	enum verdict verdict;

	if (!smtp_mailbox_from_text(span_from(address, (size_t)n), &to))
		return;
	verdict = recipient_expand(&a->epoch->conf, &to, &a->to, &reason);
	if (verdict != VERDICT_TOO_MANY || a->to.count == 0)
		return;
	recipient_set_clear(&a->to);
	a->mail.at = 0;
	(void)recipient_expand(&a->epoch->conf, &to, &a->to, &reason);
}

/* Expands the next alias; skips one that reaches few.  False: no more. */
static bool
go_on(struct ahead *a)
{
	const struct conf *conf = &a->epoch->conf;
	const struct conf_domain *d = &conf->domains[a->domain];

	if (a->domain == conf->domain_count)
		return false;
	if (a->alias == d->alias_count) {
		a->domain++;
		a->alias = 0;
		return true;
	}
	expand(a, d, &d->aliases[a->alias++]);
	if (a->to.count < a->mail.at + delivery_first_max)
		a->mail.at = a->to.count;
	return true;
}

/* A broken Maildir is skipped: RCPT reports it. */
void
ahead_piece(struct ahead *a, struct maildir_batch *b, size_t most,
    int64_t until_us)
{
	const uint64_t before = a->mail.made;

	while (a->mail.made - before < most && maildir_has_room(b, 1) &&
	    deadline_now_us() < until_us) {
		if (a->mail.at == a->to.count) {
			if (go_on(a))
				continue;
			/* The last Maildirs are made, but not yet durable. */
			if (b->count == 0)
				ahead_end(a, 0);
			return;
		}
		if (maildir_deliver(b, &a->mail) == MAILDIR_FAILED)
			a->mail.at++;
		if (a->mail.made > 0 && a->begun_us == 0)
			log_begun(a, &a->epoch->conf.domains[a->domain]);
	}
}
