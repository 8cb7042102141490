/* Requests wait in one queue, first come, first served. */
#include "server/process/tls_files.h"

#include <stdlib.h>
#include <string.h>

#include "server/master.h"
#include "server/process/helper.h"

struct slot {
	unsigned	users;		/* generations of certificates */
	bool		forget_due;
	unsigned	verdicts_due;	/* sent, no JUDGED yet */
};

/* What is asked of the sign process: there is one. */
static struct {
	uint64_t		 tickets;	/* given out */
	TAILQ_HEAD(signing_list, signing) waiting; /* in order */
	struct slot		 slots[ipc_sign_slots_max];
	struct tls_cursor	 giving;	/* keys to be sent */
	bool			 digest_next;	/* in turn with keys */
} sign = { .waiting = TAILQ_HEAD_INITIALIZER(sign.waiting) };

static void
answer(struct master *m, struct signing *w,
    const struct ipc_signature *signature)
{
	sign_forget(m, w);
	w->done(w->arg, signature);
}

/*
 * No key can be used any more.  A digest that was being signed may have ended
 * the process, so it is not sent again.
 */
static void
lost(struct master *m, bool again)
{
	struct signing *w, *next;

	for (size_t i = 0; i < ipc_sign_slots_max; i++) {
		sign.slots[i].verdicts_due = 0;
		sign.slots[i].forget_due = false;
	}
	TAILQ_FOREACH_SAFE(w, &sign.waiting, entry, next)
		if (w->sent || !again)
			answer(m, w, NULL);
	m->sign_owner->lost(m);
}

static bool
next_digest(struct master *m, struct ipc_record *out)
{
	struct signing *w;

	if (helper_is_lacking(m, HELPER_SIGN))
		return false;
	TAILQ_FOREACH(w, &sign.waiting, entry) {
		if (w->sent)
			continue;
		out->type = IPC_DIGEST;
		out->u.digest = w->digest;
		w->sent = true;
		return true;
	}
	return false;
}

/* Handshakes and keys take turns: a flood of one does not stop the other. */
static bool
next(void *helper, struct ipc_record *out)
{
	struct master *m = ((struct helper *)helper)->master;

	memset(out, 0, sizeof(*out));
	sign.digest_next = !sign.digest_next;
	if (sign.digest_next && next_digest(m, out))
		return true;
	/* No worker can ask for such a key: its files have no users. */
	for (size_t i = 0; i < ipc_sign_slots_max; i++) {
		if (!sign.slots[i].forget_due)
			continue;
		out->type = IPC_KEY_FORGET;
		out->u.number.n = i;
		sign.slots[i].forget_due = false;
		return true;
	}
	if (!tls_files_next(&sign.giving, true, out))
		return !sign.digest_next && next_digest(m, out);
	/* After the last piece of each key, a verdict on it is due. */
	if (out->type == IPC_KEY && out->u.pem.last)
		sign.slots[out->u.pem.pair].verdicts_due++;
	return true;
}

void
sign_give(struct master *m, const struct tls_files *files)
{
	sign.giving = (struct tls_cursor){ .files = files };
	helper_tell(m, HELPER_SIGN);
}

static bool
take(struct master *m, const struct ipc_record *r)
{
	const struct ipc_judged *judged = &r->u.judged;
	struct slot *slot;
	struct signing *w;

	if (r->type == IPC_SIGNED) {
		w = TAILQ_FIRST(&sign.waiting);
		while (w != NULL && (!w->sent ||
		    w->digest.ticket != r->u.signature.ticket))
			w = TAILQ_NEXT(w, entry);
		if (w != NULL)
			answer(m, w, &r->u.signature);
	} else if (r->type == IPC_JUDGED) {
		slot = &sign.slots[judged->slot];
		if (slot->verdicts_due > 0 && --slot->verdicts_due == 0 &&
		    slot->users > 0)
			m->sign_owner->judged(m, judged);
	}
	return true;
}

static void
feed(struct master *m, bool first)
{
	m->sign_owner->feed(m, first);
}

void
sign_ask(struct master *m, struct signing *s,
    const struct ipc_digest *digest)
{
	s->digest = *digest;
	s->digest.ticket = ++sign.tickets;
	s->sent = false;
	TAILQ_INSERT_TAIL(&sign.waiting, s, entry);
	if (helper_is_coming(m, HELPER_SIGN))
		helper_tell(m, HELPER_SIGN);
	else
		answer(m, s, NULL);
}

void
sign_forget(struct master *m, struct signing *s)
{
	if (s->digest.ticket == 0)
		return;
	TAILQ_REMOVE(&sign.waiting, s, entry);
	s->digest.ticket = 0;
}

void
sign_cut_short(struct master *m, struct signing *s)
{
	if (s->digest.ticket != 0)
		answer(m, s, NULL);
}

/* ---- slots -------------------------------------------------------------- */

static void
drop_slots(struct master *m, const struct tls_files *files, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct slot *slot =
		    &sign.slots[files->pairs[i].facts.slot];

		if (--slot->users == 0)
			slot->forget_due = true;
	}
	helper_tell(m, HELPER_SIGN);
}

bool
sign_take_slots(struct master *m, struct tls_files *files)
{
	const struct slot *s = sign.slots;

	for (size_t i = 0; i < files->count; i++) {
		const struct tls_pair *pair = &files->pairs[i];
		uint16_t k = pair->shared ? pair->facts.slot : 0;

		while (!pair->shared && k < ipc_sign_slots_max &&
		    (s[k].users > 0 || s[k].forget_due ||
		    s[k].verdicts_due > 0))
			k++;
		if (k == ipc_sign_slots_max) {
			drop_slots(m, files, i);
			return false;
		}
		sign.slots[k].users++;
		files->pairs[i].facts.slot = k;
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
	.next = next,
	.feed = feed,
	.take = take,
	.lost = lost
};
