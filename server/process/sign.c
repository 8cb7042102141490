/*
 * The master's end of the sign process.  Requests wait in one queue, first
 * come, first served.
 */
#include "server/process/sign.h"

#include <stdlib.h>
#include <string.h>

#include "server/process/feed.h"
#include "server/process/helper.h"
#include "server/process/tls_files.h"

/* Few enough that the channel has room for them. */
enum { under_way_max = 32 };

/* What is asked of the sign process. */
struct sign {
	const struct sign_owner	*owner;
	struct feed		 feed;		/* what is sent to it */
	uint64_t		 tickets;	/* given out */
	unsigned		 under_way;	/* digests it has */
	TAILQ_HEAD(signing_list, signing) waiting; /* in order */
	struct sign_slot	 slots[ipc_sign_slots_max];
	struct tls_cursor	 giving;	/* keys to be sent */
};

/* After the last piece of each key, a verdict on it is due. */
static bool
next_piece(struct sign *s, struct ipc_record *out)
{
	if (!tls_files_next(&s->giving, true, out))
		return false;
	if (out->type == IPC_KEY && out->u.pem.last)
		s->slots[out->u.pem.pair].verdicts_due++;
	return true;
}

/* Answers w, which is taken out of the queue. */
static void
answer(struct master *m, struct signing *w,
    const struct ipc_signature *signature)
{
	sign_forget(m, w);
	w->done(w->arg, signature);
}

/* Answers requests without a signature: all, or only those that were sent. */
static void
refuse(struct master *m, bool only_sent)
{
	struct signing *w, *next;

	for (w = TAILQ_FIRST(&m->sign->waiting); w != NULL; w = next) {
		next = TAILQ_NEXT(w, entry);
		if (w->sent || !only_sent)
			answer(m, w, NULL);
	}
}

/*
 * No key can be used any more.  A digest that was being signed may have ended
 * the process, so it is not sent again.
 */
static void
lost(struct master *m, bool again)
{
	struct sign *s = m->sign;

	feed_stop(&s->feed);
	s->under_way = 0;
	for (size_t i = 0; i < ipc_sign_slots_max; i++) {
		s->slots[i].verdicts_due = 0;
		s->slots[i].forget_due = false;
	}
	refuse(m, again);
	s->owner->lost(m);
}

static bool
next_digest(struct master *m, struct ipc_record *out)
{
	struct sign *s = m->sign;
	struct signing *w;

	if (s->under_way >= under_way_max ||
	    helper_is_lacking(m, HELPER_SIGN))
		return false;
	TAILQ_FOREACH(w, &s->waiting, entry) {
		if (w->sent)
			continue;
		out->type = IPC_DIGEST;
		out->u.digest = w->digest;
		w->sent = true;
		s->under_way++;
		return true;
	}
	return false;
}

/* No worker can ask for such a key any more: its files have no users. */
static bool
next_forgotten(struct sign *s, struct ipc_record *out)
{
	uint16_t i = 0;

	while (i < ipc_sign_slots_max && !s->slots[i].forget_due)
		i++;
	if (i == ipc_sign_slots_max)
		return false;
	out->type = IPC_KEY_FORGET;
	out->u.slot.slot = i;
	s->slots[i].forget_due = false;
	return true;
}

/* Handshakes go first. */
static bool
next_record(void *arg, struct ipc_record *out)
{
	struct master *m = arg;
	struct sign *s = m->sign;

	memset(out, 0, sizeof(*out));
	return next_digest(m, out) || next_forgotten(s, out) ||
	    next_piece(s, out);
}

static void
tell(struct master *m)
{
	if (m->helpers[HELPER_SIGN].state >= HELPER_UNFED)
		feed_start(&m->sign->feed);
}

void
sign_give(struct master *m, const struct tls_files *files)
{
	m->sign->giving = (struct tls_cursor){ .files = files };
	tell(m);
}

/* The request that was sent with that ticket and still waits; or NULL. */
static struct signing *
find_waiting(struct sign *s, uint64_t ticket)
{
	struct signing *w;

	TAILQ_FOREACH(w, &s->waiting, entry) {
		if (w->sent && w->digest.ticket == ticket)
			return w;
	}
	return NULL;
}

static void
on_signed(struct master *m, const struct ipc_signature *signature)
{
	struct sign *s = m->sign;
	struct signing *w;

	if (s->under_way > 0)
		s->under_way--;
	w = find_waiting(s, signature->ticket);
	if (w != NULL)
		answer(m, w, signature);
	tell(m);
}

static void
on_judged(struct master *m, const struct ipc_judged *judged)
{
	struct sign_slot *slot = &m->sign->slots[judged->slot];

	if (slot->verdicts_due == 0)
		return;
	if (--slot->verdicts_due == 0 && slot->users > 0)
		m->sign->owner->judged(m, judged);
}

static void
take(struct master *m, const struct ipc_record *r)
{
	if (r->type == IPC_SIGNED)
		on_signed(m, &r->u.signature);
	else if (r->type == IPC_JUDGED)
		on_judged(m, &r->u.judged);
}

static void
feed(struct master *m, bool first)
{
	feed_init(&m->sign->feed, m->base, m->helpers[HELPER_SIGN].channel,
	    next_record, NULL, m);
	m->sign->owner->feed(m, first);
}

int
sign_start(struct master *m, const struct sign_owner *owner)
{
	m->sign = calloc(1, sizeof(*m->sign));
	if (m->sign == NULL)
		return -1;
	m->sign->owner = owner;
	TAILQ_INIT(&m->sign->waiting);
	return 0;
}

void
sign_fed(struct master *m)
{
	helper_fed(m, HELPER_SIGN);
	tell(m);
}

static bool
wanted(const struct master *m)
{
	return m->tls->count > 0;
}

void
sign_ask(struct master *m, struct signing *s,
    const struct ipc_digest *digest)
{
	s->digest = *digest;
	s->digest.ticket = ++m->sign->tickets;
	s->sent = false;
	TAILQ_INSERT_TAIL(&m->sign->waiting, s, entry);
	if (helper_is_coming(m, HELPER_SIGN))
		tell(m);
	else
		answer(m, s, NULL);
}

void
sign_forget(struct master *m, struct signing *s)
{
	if (s->digest.ticket == 0)
		return;
	TAILQ_REMOVE(&m->sign->waiting, s, entry);
	s->digest.ticket = 0;
}

void
sign_cut_short(struct master *m, struct signing *s)
{
	if (s->digest.ticket != 0)
		answer(m, s, NULL);
}

/* ---- slots -------------------------------------------------------------- */

/* Number of a slot that nobody uses; or ipc_sign_slots_max. */
static uint16_t
find_free(const struct sign *s)
{
	uint16_t i = 0;

	while (i < ipc_sign_slots_max && (s->slots[i].users > 0 ||
	    s->slots[i].forget_due || s->slots[i].verdicts_due > 0))
		i++;
	return i;
}

/* The first n pairs of files use their slots no more. */
static void
drop_slots(struct master *m, const struct tls_files *files, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct sign_slot *slot =
		    &m->sign->slots[files->pairs[i].facts.slot];

		if (--slot->users == 0)
			slot->forget_due = true;
	}
	tell(m);
}

bool
sign_take_slots(struct master *m, struct tls_files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		struct tls_pair *pair = &files->pairs[i];

		if (!pair->shared)
			pair->facts.slot = find_free(m->sign);
		if (pair->facts.slot == ipc_sign_slots_max) {
			drop_slots(m, files, i);
			return false;
		}
		m->sign->slots[pair->facts.slot].users++;
	}
	return true;
}

void
sign_drop(struct master *m, struct tls_files *files)
{
	if (--files->users > 0)
		return;
	drop_slots(m, files, files->count);
	tls_files_clear(files);
	free(files);
}

const struct helper_role sign_role = {
	.then = "there is no TLS",
	.way = IPC_FROM_SIGN,
	.wanted = wanted,
	.feed = feed,
	.take = take,
	.lost = lost
};
