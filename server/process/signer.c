/*
 * The sign process, as the master sees it.  Who asks waits in one queue,
 * first come, first served.
 */
#include "server/process/signer.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "server/daemon/renew.h"
#include "server/process/tls_set.h"
#include "shared/ipc.h"
#include "shared/log.h"

/* So few are under way that the channel has room for them. */
enum { under_way_max = 32, start_patience_ms = 10000 };

/* The certificate, and then the key, as if they were one file. */
static bool
next_piece(struct signer *s, struct ipc_record *out)
{
	const struct tls_pair *pair;
	size_t done = s->done;

	while (s->giving != NULL && s->pair < s->giving->count &&
	    s->giving->pairs[s->pair].shared)
		s->pair++;
	if (s->giving == NULL || s->pair == s->giving->count)
		return false;
	pair = &s->giving->pairs[s->pair];
	if (done < pair->certificate_n) {
		out->type = IPC_KEY_CERTIFICATE;
		tls_files_piece(span_from(pair->certificate,
		    pair->certificate_n), done, &out->u.pem);
	} else {
		out->type = IPC_KEY;
		tls_files_piece(span_from(pair->key, pair->key_n),
		    done - pair->certificate_n, &out->u.pem);
	}
	out->u.pem.pair = pair->facts.slot;
	s->done += out->u.pem.n;
	if (out->type == IPC_KEY && out->u.pem.last) {
		s->slots[pair->facts.slot].verdicts_due++;
		s->pair++;
		s->done = 0;
	}
	return true;
}

/* Its verdict on the pair it was given before. */
static int
wait_judged(struct signer *s, int channel, struct tls_pair *pair,
    const char **why)
{
	struct pollfd fd = { .fd = channel, .events = POLLIN };
	struct ipc_record r;
	int passed;

	*why = "the sign process does not take the keys";
	if (poll(&fd, 1, start_patience_ms) == 0 ||
	    ipc_recv(channel, IPC_FROM_SIGN, IPC_AT_ANY, true, &r, &passed,
	    why) != IPC_GOT_RECORD || r.type != IPC_JUDGED ||
	    r.u.judged.slot != pair->facts.slot ||
	    r.u.judged.fault != TLS_FAULT_NONE)
		return -1;
	s->slots[pair->facts.slot].verdicts_due--;
	pair->facts = r.u.judged;
	return 0;
}

/* At start: nobody is served yet, and so it may last. */
static int
give_all(struct master *m, int channel, const char **why)
{
	struct signer *s = &m->signer;
	struct ipc_record r;
	int result = 0;

	s->giving = m->tls;
	memset(&r, 0, sizeof(r));
	while (result == 0 && next_piece(s, &r))
		result = ipc_send(channel, &r, -1, true);
	if (result == -1)
		*why = strerror(errno);
	explicit_bzero(&r, sizeof(r));
	s->giving = NULL;
	for (size_t i = 0; result == 0 && i < m->tls->count; i++)
		result = wait_judged(s, channel, &m->tls->pairs[i], why);
	return result;
}

/* Answers who waits by w, which is taken out of the queue. */
static void
answer(struct master *m, struct signing *w,
    const struct ipc_signature *signature)
{
	signer_forget(m, w);
	w->done(w->arg, signature);
}

/* Who waits goes without a signature; or only those it was asked for. */
static void
refuse(struct master *m, bool only_sent)
{
	struct signing *w, *next;

	for (w = TAILQ_FIRST(&m->signer.waiting); w != NULL; w = next) {
		next = TAILQ_NEXT(w, entry);
		if (w->sent || !only_sent)
			answer(m, w, NULL);
	}
}

/*
 * No key can be used any more.  What it was signing may be what ended it, so
 * that is not asked again.
 */
static void
lost(struct master *m, bool again)
{
	struct signer *s = &m->signer;

	feed_stop(&s->feed);
	s->under_way = 0;
	for (size_t i = 0; i < ipc_sign_slots_max; i++) {
		s->slots[i].verdicts_due = 0;
		s->slots[i].forget_due = false;
	}
	refuse(m, again);
	renew_fail(m, "the sign process has ended: send SIGHUP again");
}

static bool
next_digest(struct master *m, struct ipc_record *out)
{
	struct signer *s = &m->signer;
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

/* None of a worker who could still ask for it: tls_set.h sees to that. */
static bool
next_forgotten(struct signer *s, struct ipc_record *out)
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
	struct signer *s = &m->signer;

	memset(out, 0, sizeof(*out));
	return next_digest(m, out) || next_forgotten(s, out) ||
	    next_piece(s, out);
}

/* If it failed, the process has ended: its channel tells. */
static void
told(void *arg)
{
	(void)arg;
}

void
signer_tell(struct master *m)
{
	if (m->base != NULL && m->helpers[HELPER_SIGN].state >= HELPER_UNFED)
		feed_start(&m->signer.feed);
}

void
signer_give(struct master *m, struct tls_files *files)
{
	m->signer.giving = files;
	m->signer.pair = 0;
	m->signer.done = 0;
	signer_tell(m);
}

/* Who was handed on by that ticket, and still waits. */
static struct signing *
find_waiting(struct signer *s, uint64_t ticket)
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
	struct signer *s = &m->signer;
	struct signing *w;

	if (s->under_way > 0)
		s->under_way--;
	w = find_waiting(s, signature->ticket);
	if (w != NULL)
		answer(m, w, signature);
	signer_tell(m);
}

static void
on_judged(struct master *m, const struct ipc_judged *judged)
{
	struct sign_slot *slot = &m->signer.slots[judged->slot];

	if (slot->verdicts_due == 0)
		return;
	if (--slot->verdicts_due == 0 && slot->users > 0)
		renew_judged(m, judged);
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
watch(struct master *m)
{
	feed_init(&m->signer.feed, m->base, m->helpers[HELPER_SIGN].channel,
	    next_record, told, m);
}

/* A new one has no keys, and the master has wiped its own copies. */
static void
feed(struct master *m)
{
	watch(m);
	renew_keys(m);
}

void
signer_fed(struct master *m)
{
	helper_fed(m, HELPER_SIGN);
	signer_tell(m);
}

static bool
wanted(const struct master *m)
{
	return m->tls->count > 0;
}

static int
start(struct master *m, const char **why)
{
	TAILQ_INIT(&m->signer.waiting);
	if (m->helpers[HELPER_SIGN].state == HELPER_NONE)
		return 0;
	/* There are far more slots than pairs of one configuration. */
	(void)tls_set_take_slots(m, m->tls);
	if (give_all(m, m->helpers[HELPER_SIGN].channel, why) == -1)
		return -1;
	tls_files_forget_keys(m->tls);
	helper_fed(m, HELPER_SIGN);
	return 0;
}

void
signer_ask(struct master *m, struct signing *s,
    const struct ipc_digest *digest)
{
	s->digest = *digest;
	s->digest.ticket = ++m->signer.tickets;
	s->sent = false;
	TAILQ_INSERT_TAIL(&m->signer.waiting, s, entry);
	if (helper_is_coming(m, HELPER_SIGN))
		signer_tell(m);
	else
		answer(m, s, NULL);
}

void
signer_forget(struct master *m, struct signing *s)
{
	if (s->digest.ticket == 0)
		return;
	TAILQ_REMOVE(&m->signer.waiting, s, entry);
	s->digest.ticket = 0;
}

void
signer_cut_short(struct master *m, struct signing *s)
{
	if (s->digest.ticket != 0)
		answer(m, s, NULL);
}

static void
stop(struct master *m)
{
	feed_stop(&m->signer.feed);
}

const struct helper_role sign_role = {
	.then = "there is no TLS",
	.way = IPC_FROM_SIGN,
	.wanted = wanted,
	.start = start,
	.watch = watch,
	.feed = feed,
	.take = take,
	.lost = lost,
	.stop = stop
};
