/*
 * Sessions as owners of workers: which one waits, is next, or loses its slot
 * to another, and what becomes of a session whose worker is lost.
 */
#include "server/session/serve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/mail/spool.h"
#include "server/process/helper.h"
#include "server/process/sign.h"
#include "server/session/dispatch.h"
#include "server/session/listen.h"
#include "server/session/login.h"
#include "shared/deadline.h"

enum {
	stressed_idle_timeout_s = 10,
	slowest_octets_per_s = 500,
	overdue_grace_s = 60,
	room_batch_max = 8,	/* sessions that lose their slot at a time */
	room_pause_us = 50 * 1000,	/* finding the greediest is costly */
	patience_ms = 30000	/* of a client that waits for a worker */
};

/* Is the pool nearly full: are four of five workers busy? */
static bool
is_stressed(const struct master *m)
{
	struct pool_count c;

	pool_count(m, &c);
	return c.busy * 5 >= m->conf.limits.workers * 4;
}

/* What a worker should allow now; short when the pool is nearly full. */
static uint32_t
idle_timeout_s(const struct master *m)
{
	uint64_t s = m->conf.limits.idle_timeout_s;

	if (is_stressed(m) && s > stressed_idle_timeout_s)
		s = stressed_idle_timeout_s;
	return (uint32_t)s;
}

/* Fair between hosts: of the hosts served least, the client that came first. */
static struct session *
find_next(const struct master *m)
{
	struct session *s, *best = NULL;

	TAILQ_FOREACH(s, &m->sessions->list[SESSIONS_PENDING], entry) {
		if (best == NULL || s->host->served < best->host->served)
			best = s;
		if (best->host->served == 0)
			break;
	}
	return best;
}

/* Hands s to w, which is idle.  0; or -1, errno, nothing changed. */
static int
give(struct worker *w, struct session *s)
{
	struct master *m = s->master;
	struct ipc_record output = { .type = IPC_OUTPUT };
	struct ipc_record r = { .type = IPC_SESSION };

	r.u.session.idle_timeout_s = idle_timeout_s(m);
	r.u.session.room = spool_has_room(m->spool, &m->conf.limits, 0);
	s->auth = m->conf.catcher ? IPC_AUTH_ALWAYS :
	    s->submission ? IPC_AUTH_SUBMISSION : IPC_AUTH_NOT;
	r.u.session.auth = s->auth;
	r.u.session.tls_first = s->tls_first;
	r.u.session.proxied = s->header_due;
	r.u.session.lacks = helper_is_lacking(m, HELPER_SIGN) ?
	    IPC_LACKS_TLS : 0;
	if (helper_is_lacking(m, HELPER_AUTH))
		r.u.session.lacks |= IPC_LACKS_AUTH;
	if ((s->output != -1 && pool_send(w, &output, s->output) == -1) ||
	    pool_send(w, &r, s->socket) == -1)
		return -1;
	session_move(s, SESSIONS_SERVED);
	session_close(s);
	s->served = true;
	s->epoch = conf_epoch_enter(m->epoch);
	s->host->served++;
	s->worker = w;
	pool_lend(w, &serve_use, s, s->header_due ? IPC_AT_PROXY :
	    IPC_AT_SESSION);
	return 0;
}

/* A client whose worker is gone before its session gets the next worker. */
static void
on_idle(struct master *m)
{
	struct session *s;
	struct worker *w;

	while ((w = pool_idle(m)) != NULL && (s = find_next(m)) != NULL) {
		if (give(w, s) == 0)
			continue;
		/* No descriptor can be sent now: retry at the next tick. */
		if (errno == ETOOMANYREFS || errno == ENOBUFS ||
		    errno == ENOMEM || errno == EAGAIN)
			break;
		pool_lost(w, "worker gone before its session");
	}
}

static void
turn_away_late(struct master *m)
{
	int64_t now = deadline_now_ms();
	struct session *s, *next;

	for (s = TAILQ_FIRST(&m->sessions->list[SESSIONS_PENDING]); s != NULL;
	    s = next) {
		next = TAILQ_NEXT(s, entry);
		if (now - s->start_ms > patience_ms)
			session_turn_away(s, REFUSAL_BUSY);
	}
}

/* The oldest session of the host served most that stores no message now. */
static struct session *
find_loser(const struct master *m)
{
	struct session *s, *worst = NULL;

	TAILQ_FOREACH(s, &m->sessions->list[SESSIONS_SERVED], entry) {
		if (s->evicted || s->tx.delivery != NULL)
			continue;
		if (worst == NULL || s->host->served > worst->host->served)
			worst = s;
	}
	return worst;
}

/*
 * When all workers are busy, a client that waits, and whose host has at least
 * two sessions fewer served than another, gets a slot of that other host.
 */
static void
make_room(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;
	uint64_t wanted = m->sessions->count[SESSIONS_PENDING], leaving = 0;
	const struct session *s;
	struct session *loser;
	struct pool_count c;

	(void)fd;
	(void)what;
	pool_count(m, &c);
	if (c.idle + c.coming > 0)
		return;
	TAILQ_FOREACH(s, &m->sessions->list[SESSIONS_SERVED], entry)
		leaving += s->evicted;
	for (; leaving < wanted && leaving < room_batch_max; leaving++) {
		s = find_next(m);
		loser = find_loser(m);
		if (s == NULL || loser == NULL ||
		    s->host->served + 2 > loser->host->served)
			return;
		loser->evicted = true;
		pool_evict(loser->worker);
	}
}

/* Tells workers when the pool has become nearly full, or no longer is. */
static void
update_stress(struct master *m)
{
	bool stressed = is_stressed(m);
	struct session *s;

	if (stressed == m->sessions->stressed || m->stopping)
		return;
	m->sessions->stressed = stressed;
	TAILQ_FOREACH(s, &m->sessions->list[SESSIONS_SERVED], entry)
		if (!s->evicted)
			pool_stress(s->worker,
			    stressed ? STRESS_FULL : STRESS_NONE,
			    idle_timeout_s(m));
}

static void
on_tick(struct master *m)
{
	turn_away_late(m);
	make_room(-1, 0, m);
	listen_accept(m, !m->stopping);
	update_stress(m);
}

/*
 * The master does not see octets, so it allows for what was stored, for a
 * message under way, and as much again for refused messages and commands.
 */
static bool
is_overdue(const void *session)
{
	const struct session *s = session;
	const struct conf_limits *l = &s->epoch->conf.limits;
	uint64_t age_s = (uint64_t)(deadline_now_ms() - s->start_ms -
	    s->disk_ms) / 1000;
	uint64_t octets = 2 * (s->stored_bytes + l->message_size_bytes);

	return age_s > l->session_time_s + octets / slowest_octets_per_s +
	    overdue_grace_s;
}

static const char *
state(const void *session)
{
	return session_state_words[session_state(session)];
}

static void
on_lost(void *session, const char *how)
{
	struct session *s = session;

	s->worker = NULL;
	login_forget(s);
	sign_forget(s->master, &s->signing);
	session_end(s, how, NULL);
}

static void
on_evict(void *session)
{
	struct session *s = session;

	/* Only one of the two, because either may end s. */
	if (s->login != NULL)
		login_cut_short(s);
	else
		sign_cut_short(s->master, &s->signing);
}

/* What the pool remembers of a worker's last session. */
struct last {
	char		id[ipc_id_bytes + 1];
	bool		of_proxy;
	struct address	client;
};
_Static_assert(sizeof(struct last) <= pool_last_bytes, "pool_last_bytes");

static void
remember(const void *session, uint8_t last[pool_last_bytes])
{
	const struct session *s = session;
	struct last l = { .of_proxy = s->of_proxy, .client = s->client };

	memcpy(l.id, s->id, sizeof(l.id));
	memcpy(last, &l, sizeof(l));
}

/*
 * Refuses the client for a while.  But refusing a proxy would refuse all of its
 * clients, and refusing the client of a catcher all programs of a developer.
 */
static void
blame(struct master *m, const uint8_t last[pool_last_bytes],
    struct log_line *line)
{
	struct last l;

	memcpy(&l, last, sizeof(l));
	log_str(line, "session", l.id);
	log_str(line, "client", l.client.text);
	if (l.of_proxy || m->conf.catcher)
		return;
	address_refuse(m->book, &l.client, deadline_now_ms());
	log_u64(line, "refused_s", address_refusal_ms / 1000);
}

static uint64_t
waiting(const struct master *m)
{
	return m->sessions->count[SESSIONS_PENDING];
}

const struct worker_use serve_use = {
	.waiting = waiting,
	.on_idle = on_idle,
	.on_tick = on_tick,
	.on_record = dispatch_record,
	.on_lost = on_lost,
	.on_evict = on_evict,
	.is_overdue = is_overdue,
	.state = state,
	.remember = remember,
	.blame = blame
};

int
serve_start(struct master *m)
{
	struct sessions *all = calloc(1, sizeof(*all));

	if (all == NULL)
		return -1;
	for (size_t i = 0; i < SESSIONS_KINDS; i++)
		TAILQ_INIT(&all->list[i]);
	event_assign(&all->room, m->base, -1, 0, make_room, m);
	m->sessions = all;
	return 0;
}

void
serve_wait(struct session *s)
{
	const struct timeval soon = { 0, room_pause_us };
	struct master *m = s->master;
	struct sessions *all = m->sessions;

	session_move(s, SESSIONS_PENDING);
	pool_want(m);
	if (all->count[SESSIONS_PENDING] > 0 && !event_pending(&all->room,
	    EV_TIMEOUT, NULL))
		event_add(&all->room, &soon);
}
