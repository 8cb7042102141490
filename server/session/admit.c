/*
 * Admission.  A client is let in, waits for a worker in its turn, or gets one
 * line that says why not; a flood costs no worker and does not fill the
 * kernel's queue.
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
#include "server/session/listen.h"
#include "server/session/serve.h"
#include "shared/deadline.h"
#include "shared/log.h"

enum {
	accept_batch_max = 32,
	refusal_ms = 1000	/* for the client to read its last line */
};

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
			serve_wait(s);
		return;
	}
	if (ioctl(fd, FIONREAD, &octets) == -1 || octets == 0) {
		session_end(m, s, "closed by client", NULL);
		return;
	}
	/*
	 * RFC 5321 3.1 lets a greeting be 554.  The socket stays open for a
	 * moment: closed with octets unread, it would discard that line.
	 */
	session_refuse(m, fd, &s->client, s->id, REFUSAL_EARLY);
	shutdown(fd, SHUT_WR);
	s->dismissed = true;
	event_del(&s->early);
	event_assign(&s->early, m->base, fd, 0, on_greeting, s);
	event_add(&s->early, &soon);
}

/* A client that speaks before us is no mail server (RFC 5321 3.1, 4.3.1). */
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

/* The last waiting session of the host that has the most sessions. */
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

/* When too many wait, turns away the greediest; false: that is s itself. */
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
	session_turn_away(m, worst, REFUSAL_BUSY);
	return true;
}

static void
begin(struct master *m, struct session *s)
{
	struct log_line l;

	s->master = m;
	s->start_ms = deadline_now_ms();
	ident_make(s->id);
	m->counters.value[COUNTER_ACCEPTED]++;
	session_log_begin(s, LOG_LEVEL_INFO, "connect", &l);
	log_u64(&l, "port", s->client.port);
	log_end(&l);
	if (m->conf.catcher)
		catcher_say(s->id, CATCHER_GOOD, "connection from %s port %u",
		    s->client.text, (unsigned)s->client.port);
	/*
	 * A client on a pipe is known otherwise; under implicit TLS the
	 * client has to speak first, and so has a proxy.
	 */
	if (m->conf.limits.greeting_wait_s > 0 && s->output == -1 &&
	    !s->tls_first && !s->header_due)
		hold_back(m, s);
	else
		serve_wait(s);
}

static void
fill(struct session *s, int input, int output, const struct address *client,
    const struct conf_listen *line)
{
	s->socket = input;
	s->output = output;
	s->client = *client;
	s->tls_first = line->tls_first;
	s->submission = line->submission;
	s->hide_client = line->hide_client;
}

/* A proxy has no limits of its own: its sessions are those of many clients. */
static enum refusal
enter(struct master *m, struct session *s)
{
	const struct conf_limits *l = &m->conf.limits;
	enum refusal why;

	if (!s->of_proxy && address_is_refused(m->book, &s->client,
	    deadline_now_ms()))
		return REFUSAL_A_WHILE;
	why = address_enter(m->book, &s->client,
	    s->of_proxy ? UINT64_MAX : l->per_address,
	    s->of_proxy ? UINT64_MAX : l->per_network, &s->host);
	if (why != REFUSAL_NONE || find_place(m, s))
		return why;
	address_leave(m->book, s->host);
	return REFUSAL_BUSY;
}

static void
admit(struct master *m, int fd, const struct sockaddr_storage *from,
    const struct conf_listen *line)
{
	enum refusal why = REFUSAL_MEMORY;
	struct address client;
	struct session *s;

	if (!address_of(from, &client)) {
		close(fd);
		return;
	}
	s = calloc(1, sizeof(*s));
	if (s != NULL) {
		fill(s, fd, -1, &client, line);
		s->of_proxy = s->header_due = conf_is_proxy(&m->conf,
		    client.ipv6, client.ip);
		why = enter(m, s);
	}
	if (why == REFUSAL_NONE) {
		begin(m, s);
		return;
	}
	/* A client that waits for TLS would read a line as a broken record. */
	session_refuse(m, line->tls_first ? -1 : fd, &client, NULL, why);
	close(fd);
	free(s);
}

int
admit_one(struct master *m, int input, int output,
    const struct address *client)
{
	struct session *s = calloc(1, sizeof(*s));
	struct conf_listen line;

	if (s == NULL || address_enter(m->book, client, UINT64_MAX,
	    UINT64_MAX, &s->host) != REFUSAL_NONE) {
		free(s);
		return -1;
	}
	listen_words(&m->conf, input, &line);
	fill(s, input, output, client, &line);
	begin(m, s);
	return 0;
}

/* The listen line of the listener with this socket. */
static const struct conf_listen *
line_of(const struct master *m, int fd)
{
	static const struct conf_listen none;

	for (size_t i = 0; i < m->listeners->count; i++)
		if (m->listeners->one[i].fd == fd)
			return &m->listeners->one[i].line;
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
			/* No descriptor or memory: retry at the next tick. */
			log_accept(line_of(m, listening), listening, errno);
			listen_accept(m, false);
			return;
		}
		admit(m, fd, &from, line_of(m, listening));
	}
}

void
admit_stop(struct master *m)
{
	struct session_list *list = m->sessions->list;
	struct session *s;

	while ((s = TAILQ_FIRST(&list[SESSIONS_GREETING])) != NULL ||
	    (s = TAILQ_FIRST(&list[SESSIONS_PENDING])) != NULL)
		session_turn_away(m, s, REFUSAL_STOPPING);
	event_del(&m->sessions->room);
}
