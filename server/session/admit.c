/*
 * Admission.  A client is let in, waits for a worker in its turn, or is told
 * in one line why not; a flood costs no worker and does not fill the kernel's
 * queue.
 */
#include "server/session/admit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "server/log/catcher.h"
#include "server/log/ident.h"
#include "server/process/pool.h"
#include "server/session/descriptors.h"
#include "server/session/dispatch.h"
#include "server/session/listen.h"
#include "server/session/session.h"
#include "shared/deadline.h"
#include "shared/log.h"

enum {
	accept_batch_max = 32,
	room_batch_max = 8,	/* sessions that lose their place at a time */
	patience_ms = 30000,	/* of a client that waits for a worker */
	refusal_ms = 1000,	/* for a last line to be read */
	room_pause_us = 50 * 1000	/* to look for the greediest costs */
};

static void
send_line(const struct master *m, int fd, const char *code, const char *why)
{
	char text[400];
	int n = snprintf(text, sizeof(text), "%s %s %s\r\n", code,
	    m->conf.hostname, why);

	/* A fresh socket has room for a line; if not, nobody is listening. */
	if (n > 0 && send(fd, text, (size_t)n, MSG_NOSIGNAL |
	    MSG_DONTWAIT) == -1 && errno == ENOTSOCK)
		(void)!write(fd, text, (size_t)n);
}

/* Says no before anything is made of the client. */
static void
refuse(struct master *m, int fd, const struct address *client, bool tls_first,
    const char *code, const char *why)
{
	counters_refuse(&m->counters, why);
	/* Who waits for TLS would read a line of ours as a broken record. */
	if (!tls_first)
		send_line(m, fd, code, why);
	session_log_reject(client, NULL, why);
	close(fd);
}

/*
 * Sends a client away that waits without a worker: one line of ours with code
 * ("421 4.3.2") and why, which also goes to the log.  s is gone then.
 */
static void
turn_away(struct master *m, struct session *s, const char *code,
    const char *why)
{
	counters_refuse(&m->counters, why);
	if (!s->tls_first)
		send_line(m, s->output != -1 ? s->output : s->socket, code,
		    why);
	session_log_reject(&s->client, s->id, why);
	session_end(m, s, why, NULL);
}

static void
queue(struct master *m, struct session *s)
{
	const struct timeval soon = { 0, room_pause_us };
	struct sessions *all = m->sessions;

	session_move(s, SESSIONS_PENDING);
	pool_want(m);
	if (all->count[SESSIONS_PENDING] > 0 && !event_pending(&all->room,
	    EV_TIMEOUT, NULL))
		event_add(&all->room, &soon);
}

static void
on_greeting(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;
	struct master *m = s->master;
	struct timeval soon = { refusal_ms / 1000, 0 };
	int octets = 0;

	if ((what & EV_READ) == 0) {
		if (s->dismissed)
			session_end(m, s, "spoke before its turn", NULL);
		else
			queue(m, s);
		return;
	}
	if (ioctl(fd, FIONREAD, &octets) == -1 || octets == 0) {
		session_end(m, s, "closed by client", NULL);
		return;
	}
	/*
	 * RFC 5321 3.1 lets a greeting be 554.  The socket stays for a moment:
	 * closed with octets unread, it would take that line back.
	 */
	counters_refuse(&m->counters, "spoke before the greeting");
	send_line(m, fd, "554 5.5.1", "you speak before the greeting");
	session_log_reject(&s->client, s->id, "spoke before the greeting");
	shutdown(fd, SHUT_WR);
	s->dismissed = true;
	event_del(&s->early);
	event_assign(&s->early, m->base, fd, 0, on_greeting, s);
	event_add(&s->early, &soon);
}

/* Who speaks before we do is no mail server (RFC 5321 3.1, 4.3.1). */
static void
hold_back(struct master *m, struct session *s)
{
	struct timeval wait = {
	    (time_t)m->conf.limits.greeting_wait_s, 0 };

	session_move(s, SESSIONS_GREETING);
	event_assign(&s->early, m->base, s->socket, EV_READ, on_greeting, s);
	event_add(&s->early, &wait);
}

static uint64_t
sessions_of(const struct session *s)
{
	return address_sessions(s->host);
}

/* Of those that wait, the last one of the host with the most sessions. */
static struct session *
find_greediest(const struct master *m)
{
	static const enum session_list_kind lists[] = { SESSIONS_PENDING,
	    SESSIONS_GREETING };
	struct session *s, *worst = NULL;

	for (size_t i = 0; i < 2; i++)
		TAILQ_FOREACH(s, &m->sessions->list[lists[i]], entry)
			if (!s->dismissed && (worst == NULL ||
			    sessions_of(s) >= sessions_of(worst)))
				worst = s;
	return worst;
}

/* When too many wait, the greediest has to go; it may be s itself. */
static bool
find_place(struct master *m, const struct session *s)
{
	const uint64_t *count = m->sessions->count;
	struct session *worst;

	if (count[SESSIONS_PENDING] + count[SESSIONS_GREETING] <
	    descriptors_to_wait(&m->conf))
		return true;
	worst = find_greediest(m);
	if (worst == NULL || sessions_of(worst) <= sessions_of(s))
		return false;
	turn_away(m, worst, "421 4.3.2", "too busy, try later");
	return true;
}

static void
log_connect(const struct session *s)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_INFO, "connect");
	log_str(&l, "session", s->id);
	log_str(&l, "client", s->client.text);
	log_u64(&l, "port", s->client.port);
	log_end(&l);
}

static void
begin(struct master *m, struct session *s)
{
	s->master = m;
	s->start_ms = deadline_now_ms();
	ident_make(s->id);
	m->counters.value[COUNTER_ACCEPTED]++;
	log_connect(s);
	if (m->conf.catcher)
		catcher_connect(s->id, s->client.text, s->client.port);
	/*
	 * Through a pipe nobody comes who cannot be known otherwise; and in
	 * TLS the client has to speak first, and so has a proxy.
	 */
	if (m->conf.limits.greeting_wait_s > 0 && s->output == -1 &&
	    !s->tls_first && !s->header_due)
		hold_back(m, s);
	else
		queue(m, s);
}

/* What the listener is that the client came to. */
static void
take_words(struct session *s, const struct conf_listen *line)
{
	s->tls_first = line->tls_first;
	s->submission = line->submission;
	s->hide_client = line->hide_client;
}

/* A proxy has as many sessions as its clients have together. */
static enum address_answer
enter(struct master *m, const struct address *client, bool of_proxy,
    struct address_host **out)
{
	const struct conf_limits *l = &m->conf.limits;

	return address_enter(m->book, client,
	    of_proxy ? UINT64_MAX : l->per_address,
	    of_proxy ? UINT64_MAX : l->per_network, out);
}

static void
admit(struct master *m, int fd, const struct sockaddr_storage *from,
    const struct conf_listen *line)
{
	static const char *const words[] = {
		[ADDRESS_HOST_FULL] = "too many sessions from you",
		[ADDRESS_NETWORK_FULL] = "too many sessions from your network",
		[ADDRESS_NO_MEMORY] = "no memory, try later"
	};
	enum address_answer answer;
	struct address client;
	struct session *s;
	bool of_proxy;

	if (!address_of(from, &client)) {
		close(fd);
		return;
	}
	of_proxy = conf_is_proxy(&m->conf, client.ipv6, client.ip);
	if (!of_proxy && address_is_refused(m->book, &client,
	    deadline_now_ms())) {
		refuse(m, fd, &client, line->tls_first, "421 4.7.0",
		    "refused for a while");
		return;
	}
	s = calloc(1, sizeof(*s));
	answer = s == NULL ? ADDRESS_NO_MEMORY : enter(m, &client, of_proxy,
	    &s->host);
	if (answer != ADDRESS_IN) {
		refuse(m, fd, &client, line->tls_first, "421 4.7.0",
		    words[answer]);
		free(s);
		return;
	}
	s->socket = fd;
	s->output = -1;
	s->client = client;
	take_words(s, line);
	s->of_proxy = s->header_due = of_proxy;
	if (!find_place(m, s)) {
		refuse(m, fd, &client, line->tls_first, "421 4.3.2",
		    "too busy, try later");
		address_leave(m->book, s->host);
		free(s);
		return;
	}
	begin(m, s);
}

int
admit_one(struct master *m, int input, int output,
    const struct address *client)
{
	struct session *s = calloc(1, sizeof(*s));
	struct conf_listen line;

	if (s == NULL || address_enter(m->book, client, UINT64_MAX,
	    UINT64_MAX, &s->host) != ADDRESS_IN) {
		free(s);
		return -1;
	}
	s->socket = input;
	s->output = output;
	s->client = *client;
	listen_words(&m->conf, input, &line);
	take_words(s, &line);
	begin(m, s);
	return 0;
}

/* What the line says of the listener with this socket. */
static const struct conf_listen *
line_of(const struct master *m, int fd)
{
	static const struct conf_listen none;

	for (size_t i = 0; i < m->listener_count; i++)
		if (m->listeners[i].fd == fd)
			return &m->listeners[i].line;
	return &none;
}

static void
log_accept(const struct conf_listen *line, int fd, int error)
{
	char what[sizeof("accept on  port 65535") + address_text_bytes];
	struct address a;

	if (address_of(&line->addr, &a))
		snprintf(what, sizeof(what), "accept on %s port %u", a.text,
		    a.port);
	else
		snprintf(what, sizeof(what), "accept on descriptor %d", fd);
	log_error(what, NULL, error);
}

void
admit_accept(evutil_socket_t listening, short what, void *arg)
{
	struct master *m = arg;

	(void)what;
	for (int i = 0; i < accept_batch_max; i++) {
		struct sockaddr_storage from;
		socklen_t n = sizeof(from);
		int fd = accept4(listening, (struct sockaddr *)&from, &n,
		    SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd == -1) {
			if (errno == EAGAIN || errno == EWOULDBLOCK ||
			    errno == ECONNABORTED || errno == EINTR)
				return;
			/* No descriptor or memory: again at the next tick. */
			log_accept(line_of(m, listening), listening, errno);
			listen_accept(m, false);
			return;
		}
		admit(m, fd, &from, line_of(m, listening));
	}
}

/* Fair between hosts: who is served least, and of those who came first. */
static struct session *
find_next(const struct master *m)
{
	struct session *s, *best = NULL;

	TAILQ_FOREACH(s, &m->sessions->list[SESSIONS_PENDING], entry) {
		if (best == NULL ||
		    address_served(s->host) < address_served(best->host))
			best = s;
		if (address_served(best->host) == 0)
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

	r.u.session.idle_timeout_s = session_idle_timeout_s(m);
	r.u.session.room = spool_has_room(&m->spool, &m->conf.limits, 0);
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
	address_serve(s->host, true);
	s->worker = w;
	pool_lend(w, &admit_use, s, s->header_due ? IPC_AT_PROXY :
	    IPC_AT_SESSION);
	return 0;
}

/* A client is not lost with the worker it was meant for: the next one. */
static void
on_idle(struct master *m)
{
	struct session *s;
	struct worker *w;

	while ((w = pool_idle(m)) != NULL && (s = find_next(m)) != NULL) {
		if (give(w, s) == 0)
			continue;
		/* No room for a descriptor now: again at the next tick. */
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
			turn_away(m, s, "421 4.3.2", "too busy, try later");
	}
}

/* The oldest session of the host with the most, unless it is being stored. */
static struct session *
find_loser(const struct master *m)
{
	struct session *s, *worst = NULL;

	TAILQ_FOREACH(s, &m->sessions->list[SESSIONS_SERVED], entry) {
		if (s->evicted || s->delivery != NULL)
			continue;
		if (worst == NULL || address_served(s->host) >
		    address_served(worst->host))
			worst = s;
	}
	return worst;
}

static uint64_t
count_evicted(const struct master *m)
{
	const struct session *s;
	uint64_t n = 0;

	TAILQ_FOREACH(s, &m->sessions->list[SESSIONS_SERVED], entry)
		n += s->evicted;
	return n;
}

/*
 * All are busy, and somebody waits: whose host is served less than another
 * by two at least gets a slot of that one.
 */
static void
make_room(struct master *m)
{
	uint64_t wanted = m->sessions->count[SESSIONS_PENDING];
	uint64_t leaving = count_evicted(m);
	struct pool_count c;

	pool_count(m, &c);
	if (c.idle + c.coming > 0)
		return;
	for (; leaving < wanted && leaving < room_batch_max; leaving++) {
		const struct session *s = find_next(m);
		struct session *loser = find_loser(m);

		if (s == NULL || loser == NULL || address_served(s->host) + 2 >
		    address_served(loser->host))
			return;
		loser->evicted = true;
		pool_evict(loser->worker);
	}
}

static void
on_room(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	make_room(arg);
}

/* Tells the clients that are served when the pool has filled, or emptied. */
static void
update_hurry(struct master *m)
{
	bool hurried = session_is_hurried(m);
	struct session *s;

	if (hurried == m->sessions->hurried || m->stopping)
		return;
	m->sessions->hurried = hurried;
	TAILQ_FOREACH(s, &m->sessions->list[SESSIONS_SERVED], entry)
		if (!s->evicted)
			pool_hurry(s->worker, hurried ? HURRY_FULL : HURRY_NOT,
			    session_idle_timeout_s(m));
}

static void
on_tick(struct master *m)
{
	turn_away_late(m);
	make_room(m);
	listen_accept(m, !m->stopping);
	update_hurry(m);
}

static uint64_t
waiting(const struct master *m)
{
	return m->sessions->count[SESSIONS_PENDING];
}

const struct worker_use admit_use = {
	.waiting = waiting,
	.on_idle = on_idle,
	.on_tick = on_tick,
	.on_record = dispatch_record,
	.on_lost = session_lost,
	.on_evict = session_evict,
	.is_overdue = session_is_overdue,
	.state = session_word,
	.remember = session_remember,
	.blame = session_blame
};

int
admit_start(struct master *m)
{
	struct sessions *all = calloc(1, sizeof(*all));

	if (all == NULL)
		return -1;
	for (size_t i = 0; i < SESSIONS_KINDS; i++)
		TAILQ_INIT(&all->list[i]);
	event_assign(&all->room, m->base, -1, 0, on_room, m);
	m->sessions = all;
	return 0;
}

void
admit_stop(struct master *m)
{
	struct session_list *list = m->sessions->list;
	struct session *s;

	while ((s = TAILQ_FIRST(&list[SESSIONS_GREETING])) != NULL ||
	    (s = TAILQ_FIRST(&list[SESSIONS_PENDING])) != NULL)
		turn_away(m, s, "421 4.3.2", "stopping, try again soon");
	event_del(&m->sessions->room);
}
