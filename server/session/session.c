/* Sessions, each from its beginning to its end, and as owners of workers. */
#include "server/session/session.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/log/catcher.h"
#include "server/log/refused.h"
#include "server/process/helper.h"
#include "server/session/listen.h"
#include "shared/deadline.h"
#include "shared/file.h"

enum {
	last_words_s = 2,
	stressed_idle_timeout_s = 10,
	slowest_octets_per_s = 500,
	overdue_grace_s = 60,
	room_batch_max = 8,	/* sessions that lose their slot at a time */
	room_pause_us = 50 * 1000,	/* finding the greediest is costly */
	patience_ms = 30000	/* of a client that waits for a worker */
};

const char *const session_state_words[SESSION_STATE_COUNT] = {
	SESSION_STATES(IPC_WORD, SESSION_)
};

void
session_move(struct session *s, enum session_list_kind to)
{
	struct sessions *all = s->master->sessions;

	if (s->list == SESSIONS_GREETING)
		event_del(&s->early);
	if (s->list != SESSIONS_NONE) {
		TAILQ_REMOVE(&all->list[s->list], s, entry);
		all->count[s->list]--;
	}
	s->list = to;
	if (to != SESSIONS_NONE) {
		TAILQ_INSERT_TAIL(&all->list[to], s, entry);
		all->count[to]++;
	}
}

enum session_state
session_state(const struct session *s)
{
	enum ipc_when at;

	if (s->list == SESSIONS_GREETING)
		return SESSION_GREETING;
	if (s->worker == NULL)
		return SESSION_WAITING;
	at = pool_permits(s->worker);
	return at == IPC_AT_MAIL ? SESSION_MAIL :
	    at == IPC_AT_RCPT ? SESSION_RCPT :
	    at == IPC_AT_DATA ? SESSION_DATA :
	    at == IPC_AT_COMMIT ? SESSION_COMMIT : SESSION_IDLE;
}

void
session_close(struct session *s)
{
	file_close(s->socket);
	file_close(s->output);
	s->socket = s->output = -1;
}

void
session_refuse(struct session *s, enum refusal why)
{
	const struct refusal_row *row = &counters_refusals[why];
	const int fd = s->output != -1 ? s->output : s->socket;
	char text[smtp_reply_max_bytes];
	struct buf line = buf_over(text, sizeof(text));

	s->master->counters.value[row->counter]++;
	smtp_reply_write(row->reply, span_of(s->master->conf.hostname),
	    span_of(""), &line);
	/*
	 * The buffer of a new socket takes a line; if not, the client reads
	 * none.  One that waits for TLS would read it as a broken record.
	 */
	if (fd != -1 && (s->words & LISTEN_TLS_FIRST) == 0)
		(void)!write(fd, line.p, line.n);
	log_put(LOG_LEVEL_WARNING, "reject", "session=%s client=%s why=%s",
	    s->id, s->client.text, row->word);
}

static void
record_end(struct session *s, const char *how, const struct ipc_end *end)
{
	static const struct ipc_end none;
	const struct ipc_end *e = end == NULL ? &none : end;
	struct master *m = s->master;
	uint64_t *value = m->counters.value;
	struct log_refused facts = {
		.session = span_of(s->id), .client = span_of(s->client.text),
		.port = s->client.port, .why = span_of(how),
		.ms = (uint64_t)(deadline_now_ms() - s->start_ms),
		.commands = e->commands, .errors = e->errors,
		.stored = s->stored
	};
	bool kept = s->refused != NULL && spool_has_room(m->spool,
	    &m->conf.limits, refused_file_max_bytes);
	struct log_line l;

	value[COUNTER_COMMANDS] += e->commands;
	value[COUNTER_ERRORS] += e->errors;
	value[COUNTER_OCTETS_IN] += e->octets_in;
	value[COUNTER_OCTETS_OUT] += e->octets_out;
	log_begin(&l, LOG_LEVEL_INFO, "disconnect");
	log_add(&l, "session=%s client=%s why=%s", s->id, s->client.text, how);
	if (end != NULL)
		log_add(&l, "commands=%zu errors=%zu octets_in=%zu "
		    "octets_out=%zu", (size_t)e->commands, (size_t)e->errors,
		    (size_t)e->octets_in, (size_t)e->octets_out);
	log_add(&l, "stored=%zu ms=%zu", (size_t)s->stored, (size_t)facts.ms);
	log_end(&l);
	if (m->conf.catcher)
		catcher_say(s->id, CATCHER_EVENT, "end: %s", how);
	refused_end(&s->refused, kept ? &facts : NULL,
	    buf_span(&s->refusals.text), s->refusals.count);
	recipient_log_clear(&s->refusals);
}

void
session_end(struct session *s, const char *how, const struct ipc_end *end)
{
	const bool served = s->epoch != NULL;
	struct master *m = s->master;
	enum counter why = counters_of_end(end, how, served);

	m->counters.value[why]++;
	record_end(s, end != NULL ? counters_rows[why].value : how, end);
	login_forget(s);
	sign_forget(m, &s->signing);
	pool_forgo(&s->wait);
	message_drop(&s->tx, 0);
	session_close(s);
	if (served)
		conf_epoch_leave(s->epoch);
	s->host->served -= served;
	session_move(s, SESSIONS_NONE);
	address_leave(m->book, s->host);
	free(s);
	/* A nursery has yet to report how the worker died. */
	if (m->one_session)
		event_base_loopexit(m->base, end != NULL ? NULL :
		    &(struct timeval){ last_words_s, 0 });
}

void
session_turn_away(struct session *s, enum refusal why)
{
	session_refuse(s, why);
	session_end(s, counters_refusals[why].word, NULL);
}

/* ---- workers: which session waits, is next, or loses its slot ---------- */

/* What a worker should allow now; short when the pool is nearly full. */
static uint32_t
idle_timeout_s(const struct master *m)
{
	uint64_t s = m->conf.limits.idle_timeout_s;

	return m->sessions->stressed && s > stressed_idle_timeout_s ?
	    stressed_idle_timeout_s : (uint32_t)s;
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

static struct pool_wait *
next(const struct master *m)
{
	return &find_next(m)->wait;
}

bool
session_may_send_out(const struct session *s)
{
	const struct conf *conf = &s->master->conf;

	return ((s->words & LISTEN_SUBMISSION) != 0 &&
	    conf->relay.authenticated != 0) || (!s->header_due &&
	    conf_relay_permits(conf, "", &s->client.ip) != 0);
}

static int
begin(void *session, struct worker *w)
{
	struct session *s = session;
	struct master *m = s->master;
	struct ipc_record output = { .type = IPC_OUTPUT };
	struct ipc_record r = { .type = IPC_SESSION };

	r.u.session.idle_timeout_s = idle_timeout_s(m);
	r.u.session.auth = m->conf.catcher ? IPC_AUTH_ALWAYS :
	    s->words & LISTEN_SUBMISSION ? IPC_AUTH_SUBMISSION : IPC_AUTH_NOT;
	r.u.session.tls_first = (s->words & LISTEN_TLS_FIRST) != 0;
	r.u.session.proxied = s->header_due;
	r.u.session.no_tls = helper_is_lacking(m, HELPER_SIGN);
	r.u.session.no_auth = helper_is_lacking(m, HELPER_AUTH);
	r.u.session.dsn = s->dsn = session_may_send_out(s);
	if ((s->output != -1 && pool_send(w, &output, s->output) == -1) ||
	    pool_send(w, &r, s->socket) == -1)
		return -1;
	session_move(s, SESSIONS_SERVED);
	session_close(s);
	s->epoch = conf_epoch_enter(m->epoch);
	s->host->served++;
	s->worker = w;
	return s->header_due ? IPC_AT_PROXY : IPC_AT_SESSION;
}

/* The oldest session of the host served most that stores no message now. */
static struct session *
find_loser(const struct master *m)
{
	struct session *s, *worst = NULL;

	TAILQ_FOREACH(s, &m->sessions->list[SESSIONS_SERVED], entry) {
		if (s->evicted || (s->tx != NULL && s->tx->done != NULL))
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
	const uint64_t *c = pool_count(m);

	if (c[POOL_IDLE] + c[POOL_COMING] > 0)
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
		/* Only one of the two, because either may end it. */
		if (loser->login != NULL)
			login_cut_short(loser);
		else
			sign_cut_short(m, &loser->signing);
	}
}

static void
on_tick(struct master *m)
{
	struct sessions *all = m->sessions;
	int64_t now = deadline_now_ms();
	struct session *s;
	const uint64_t *c = pool_count(m);
	bool stressed;

	while ((s = TAILQ_FIRST(&all->list[SESSIONS_PENDING])) != NULL &&
	    now - s->start_ms > patience_ms)
		session_turn_away(s, REFUSAL_BUSY);
	login_tick();
	make_room(-1, 0, m);
	listen_accept(m, !m->stopping);
	/* Workers are told when four of five are busy, and when no longer. */
	stressed = c[POOL_BUSY] * 5 >= m->conf.limits.workers * 4;
	if (stressed == all->stressed || m->stopping)
		return;
	all->stressed = stressed;
	TAILQ_FOREACH(s, &all->list[SESSIONS_SERVED], entry)
		if (!s->evicted)
			pool_stress(s->worker, stressed ? STRESS_FULL :
			    STRESS_NONE, idle_timeout_s(m));
}

static void
on_lost(void *session, const char *how)
{
	struct session *s = session;

	s->worker = NULL;
	session_end(s, how, NULL);
}

/* What the pool remembers of a worker's last session. */
struct last {
	char		id[ipc_id_bytes + 1];
	bool		of_proxy;
	struct address	client;
};
_Static_assert(sizeof(struct last) <= pool_blame_bytes, "pool_blame_bytes");

/*
 * The master does not see octets, so it allows for what was stored, for a
 * message under way, and as much again for refused messages and commands.
 */
static void
see(const void *session, struct pool_sight *out)
{
	const struct session *s = session;
	const struct conf_limits *l = &s->epoch->conf.limits;
	uint64_t octets = 2 * (s->stored_bytes + l->message_size_bytes);
	struct last *last = (struct last *)(void *)out->blame;

	out->state = session_state_words[session_state(s)];
	out->due_ms = s->start_ms + s->disk_ms + 1000 * (int64_t)
	    (l->session_time_s + octets / slowest_octets_per_s +
	    overdue_grace_s);
	last->of_proxy = s->of_proxy;
	last->client = s->client;
	memcpy(last->id, s->id, sizeof(last->id));
}

/* Refuses the client for a while; but no proxy, and no client of a catcher. */
static void
accuse(struct master *m, const void *blame, struct log_line *line)
{
	const struct last *l = blame;

	log_add(line, "session=%s client=%s", l->id, l->client.text);
	if (l->of_proxy || m->conf.catcher)
		return;
	address_refuse(m->book, &l->client, deadline_now_ms());
	log_add(line, "refused_s=%zu", (size_t)address_refusal_ms / 1000);
}

const struct worker_use session_use = {
	.next = next,
	.begin = begin,
	.on_tick = on_tick,
	.on_record = dispatch_record,
	.on_lost = on_lost,
	.see = see,
	.accuse = accuse
};

int
session_start(struct master *m)
{
	struct sessions *all = m->sessions = calloc(1, sizeof(*all));

	m->auth_owner = &login_owner;
	m->book = address_book_new();
	m->guesses = guesses_new();
	m->rates = guesses_new();
	if (all == NULL || m->book == NULL || m->guesses == NULL ||
	    m->rates == NULL)
		return -1;
	for (size_t i = 0; i < SESSIONS_KINDS; i++)
		TAILQ_INIT(&all->list[i]);
	event_assign(&all->room, m->base, -1, 0, make_room, m);
	return 0;
}

void
session_wait(struct session *s)
{
	struct master *m = s->master;
	struct sessions *all = m->sessions;

	session_move(s, SESSIONS_PENDING);
	pool_want(m, &session_use, &s->wait, s);
	if (all->count[SESSIONS_PENDING] > 0 && !event_pending(&all->room,
	    EV_TIMEOUT, NULL))
		event_add(&all->room, &(struct timeval){ 0, room_pause_us });
}
