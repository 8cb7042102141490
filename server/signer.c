/*
 * The sign process, as the master sees it.  Workers wait in one queue, first
 * come, first served; one question each, so nobody is kept from his turn.
 */
#include "server/signer.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/pool_worker.h"
#include "shared/ipc.h"
#include "shared/log.h"

/* So few are under way that the channel has room for them. */
enum { under_way_max = 32, start_patience_ms = 10000 };

static int
send_key(int channel, uint16_t index, const struct tls_pair *pair)
{
	struct ipc_record r;
	int result = 0;

	for (size_t done = 0; result == 0 && done < pair->key_n;
	    done += r.u.pem.n) {
		size_t n = pair->key_n - done;

		memset(&r, 0, sizeof(r));
		r.type = IPC_KEY;
		r.u.pem.pair = index;
		r.u.pem.n = (uint16_t)(n < ipc_pem_piece_bytes ? n :
		    ipc_pem_piece_bytes);
		r.u.pem.last = r.u.pem.n == n;
		memcpy(r.u.pem.octets, pair->key + done, r.u.pem.n);
		result = ipc_send(channel, &r, -1, true);
	}
	explicit_bzero(&r, sizeof(r));
	return result;
}

/* Its first record: does anything hold it? */
static int
wait_ready(struct signer *s, bool optional, const char **why)
{
	struct pollfd fd = { .fd = s->channel, .events = POLLIN };
	static char text[ipc_text_bytes];
	struct ipc_record r;
	int passed;

	*why = "the sign process says nothing";
	if (poll(&fd, 1, start_patience_ms) == 0)
		return -1;
	*why = "the sign process ended at once";
	if (ipc_recv(s->channel, IPC_FROM_SIGN, IPC_AT_ANY, true, &r, &passed,
	    why) != IPC_GOT_RECORD || r.type == IPC_SIGNED)
		return -1;
	s->pid = r.u.text.pid;
	snprintf(text, sizeof(text), "%s", r.u.text.text);
	*why = text;
	snprintf(s->sandbox, sizeof(s->sandbox), "%s",
	    r.type == IPC_SIGNER_READY ? text : "none");
	return r.type == IPC_SIGNER_READY || optional ? 0 : -1;
}

int
signer_start(struct master *m, int channel, const char **why)
{
	struct signer *s = &m->signer;

	TAILQ_INIT(&s->waiting);
	s->channel = channel;
	if (channel == -1)
		return 0;
	if (wait_ready(s, m->conf.sandbox_optional, why) == -1)
		return -1;
	for (size_t i = 0; i < m->tls.count; i++)
		if (send_key(channel, (uint16_t)i, &m->tls.pairs[i]) == -1) {
			*why = strerror(errno);
			return -1;
		}
	tls_files_forget_keys(&m->tls);
	return 0;
}

/* Answers w, which is taken out of the queue. */
static void
answer(struct worker *w, const struct ipc_signature *signature)
{
	struct ipc_record r;

	signer_forget(w);
	memset(&r, 0, sizeof(r));
	r.type = IPC_SIGNATURE;
	if (signature != NULL)
		r.u.signature = *signature;
	r.u.signature.ticket = 0;
	if (ipc_send(w->channel, &r, -1, false) == -1)
		pool_lost(w, "worker gone before its answer");
}

/* No key can be used any more, and nobody goes on in plain text for it. */
static void
lost(struct master *m, const char *why)
{
	struct signer *s = &m->signer;
	struct worker *w;
	struct log_line l;

	event_del(&s->readable);
	close(s->channel);
	s->channel = -1;
	m->counters.value[COUNTER_SIGNERS_LOST]++;
	log_begin(&l, LOG_LEVEL_ERROR, "sign-lost");
	log_str(&l, "why", why);
	log_str(&l, "then", "no TLS until smtpd is restarted");
	log_end(&l);
	while ((w = TAILQ_FIRST(&s->waiting)) != NULL)
		answer(w, NULL);
}

/* Hands on what waits, as far as it goes. */
static void
pass_on(struct master *m)
{
	struct signer *s = &m->signer;
	struct worker *w;

	TAILQ_FOREACH(w, &s->waiting, signing) {
		struct ipc_record r = { .type = IPC_DIGEST,
		    .u.digest = w->digest };

		if (s->under_way >= under_way_max)
			return;
		if (w->digest_sent)
			continue;
		if (ipc_send(s->channel, &r, -1, false) == -1)
			return;
		w->digest_sent = true;
		s->under_way++;
	}
}

/* Who was handed on by that ticket, and still waits. */
static struct worker *
find_waiting(struct signer *s, uint64_t ticket)
{
	struct worker *w;

	TAILQ_FOREACH(w, &s->waiting, signing) {
		if (w->digest_sent && w->digest.ticket == ticket)
			return w;
	}
	return NULL;
}

static void
on_signed(struct master *m, const struct ipc_signature *signature)
{
	struct signer *s = &m->signer;
	struct worker *w;

	if (s->under_way > 0)
		s->under_way--;
	w = find_waiting(s, signature->ticket);
	if (w != NULL)
		answer(w, signature);
	pass_on(m);
}

static void
on_signer(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;
	const char *why = "it has ended";
	struct ipc_record r;
	int passed;

	(void)what;
	switch (ipc_recv(fd, IPC_FROM_SIGN, IPC_AT_ANY, false, &r, &passed,
	    &why)) {
	case IPC_GOT_RECORD:
		if (r.type == IPC_SIGNED)
			on_signed(m, &r.u.signature);
		return;
	case IPC_GOT_NOTHING:
		return;
	case IPC_GOT_ERROR:
		why = strerror(errno);
		break;
	case IPC_GOT_END:
	case IPC_GOT_BAD:
	case IPC_GOT_NO_ROOM:
		break;
	}
	lost(m, why);
}

void
signer_watch(struct master *m)
{
	struct signer *s = &m->signer;

	if (s->channel == -1)
		return;
	event_assign(&s->readable, m->base, s->channel, EV_READ | EV_PERSIST,
	    on_signer, m);
	event_add(&s->readable, NULL);
}

bool
signer_ask(struct worker *w, const struct ipc_digest *digest)
{
	struct signer *s = &w->master->signer;
	struct session *session = w->session;

	if (session->has_signed || session->tls_on ||
	    digest->pair >= w->master->tls.count)
		return false;
	session->has_signed = true;
	w->digest = *digest;
	w->digest.ticket = ++s->tickets;
	w->digest_sent = false;
	TAILQ_INSERT_TAIL(&s->waiting, w, signing);
	if (s->channel == -1)
		answer(w, NULL);
	else
		pass_on(w->master);
	return true;
}

void
signer_forget(struct worker *w)
{
	if (w->digest.ticket == 0)
		return;
	TAILQ_REMOVE(&w->master->signer.waiting, w, signing);
	w->digest.ticket = 0;
}

void
signer_stop(struct master *m)
{
	struct signer *s = &m->signer;

	if (s->channel == -1)
		return;
	event_del(&s->readable);
	close(s->channel);
	s->channel = -1;
}
