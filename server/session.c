/*
 * Admission and the books of sessions.  One place decides who gets in.
 */
#include "server/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/catcher.h"
#include "server/ident.h"
#include "server/log_postfix.h"
#include "server/pool.h"
#include "server/refused.h"
#include "shared/deadline.h"
#include "shared/log.h"

enum {
	accept_batch_max = 32,
	hurried_idle_timeout_s = 10,
	slowest_octets_per_s = 500,
	overdue_grace_s = 60
};

static const char *const end_words[END_COUNT] = {
#define END_WORDS(name, text) [END_##name] = text,
	IPC_ENDS(END_WORDS)
#undef END_WORDS
};

static uint64_t
session_count(const struct master *m)
{
	return m->pool.busy_count + m->pool.pending_count;
}

bool
session_has_room(const struct master *m, uint64_t size)
{
	return spool_has_room(&m->spool, size,
	    m->conf.limits.disk_reserve_bytes, m->conf.limits.inode_reserve);
}

/*
 * The master does not see octets, so it allows for what was stored, for a
 * message under way, and as much again for those refused and for commands.
 */
bool
session_is_overdue(const struct master *m, const struct session *s)
{
	const struct conf_limits *l = &m->conf.limits;
	uint64_t age_s = (uint64_t)(deadline_now_ms() - s->start_ms) / 1000;
	uint64_t octets = 2 * (s->stored_bytes + l->message_size_bytes);

	return age_s > l->session_time_s + octets / slowest_octets_per_s +
	    overdue_grace_s;
}

uint32_t
session_idle_timeout_s(const struct master *m)
{
	uint64_t s = m->conf.limits.idle_timeout_s;

	if (session_count(m) * 5 >= m->conf.limits.workers * 4 &&
	    s > hurried_idle_timeout_s)
		s = hurried_idle_timeout_s;
	return (uint32_t)s;
}

static void
set_accepting(struct master *m, bool want)
{
	if (want == m->accepting)
		return;
	m->accepting = want;
	for (size_t i = 0; i < m->listener_count; i++) {
		if (want)
			event_add(m->listeners[i].acceptable, NULL);
		else
			event_del(m->listeners[i].acceptable);
	}
}

void
session_update_accepting(struct master *m)
{
	set_accepting(m, !m->stopping &&
	    session_count(m) < m->conf.limits.workers);
}

/* Says no before any worker is spent; text holds nothing of the client's. */
static void
turn_away(struct master *m, int fd, const struct address *client,
    const char *why)
{
	char text[400];
	struct log_line l;
	int n;

	n = snprintf(text, sizeof(text), "421 4.7.0 %s %s\r\n",
	    m->conf.hostname, why);
	/* A fresh socket has room for a line; if not, nobody is listening. */
	if (n > 0)
		(void)send(fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (log_postfix_turned_away(client, why)) {
		close(fd);
		return;
	}
	log_begin(&l, LOG_LEVEL_WARNING, "reject");
	log_str(&l, "client", client->text);
	log_str(&l, "why", why);
	log_end(&l);
	close(fd);
}

static void
log_connect(const struct session *s)
{
	struct log_line l;

	if (log_postfix_connect(s))
		return;
	log_begin(&l, LOG_LEVEL_INFO, "connect");
	log_str(&l, "session", s->id);
	log_str(&l, "client", s->client.text);
	log_u64(&l, "port", s->client.port);
	log_end(&l);
}

static void
admit(struct master *m, int fd, const struct sockaddr_storage *from)
{
	struct address client;
	struct session *s;

	if (!address_of(from, &client)) {
		close(fd);
		return;
	}
	if (address_is_refused(m->book, &client, deadline_now_ms())) {
		turn_away(m, fd, &client, "refused for a while");
		return;
	}
	if (!address_enter(m->book, &client, m->conf.limits.per_address)) {
		turn_away(m, fd, &client, "too many sessions from you");
		return;
	}
	s = calloc(1, sizeof(*s));
	if (s == NULL) {
		address_leave(m->book, &client);
		turn_away(m, fd, &client, "no memory, try later");
		return;
	}
	s->socket = fd;
	s->client = client;
	s->start_ms = deadline_now_ms();
	ident_make(s->id);
	log_connect(s);
	if (m->conf.catcher)
		catcher_connect(s);
	pool_assign(m, s);
}

void
session_accept(evutil_socket_t listening, short what, void *arg)
{
	struct listener *l = arg;
	struct master *m = l->master;

	(void)what;
	for (int i = 0; i < accept_batch_max && m->accepting; i++) {
		struct sockaddr_storage from;
		socklen_t n = sizeof(from);
		int fd = accept4(listening, (struct sockaddr *)&from, &n,
		    SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd == -1) {
			if (errno == EAGAIN || errno == EWOULDBLOCK ||
			    errno == ECONNABORTED || errno == EINTR)
				return;
			/* No descriptor or memory: again at the next tick. */
			log_error("accept", NULL, errno);
			set_accepting(m, false);
			return;
		}
		admit(m, fd, &from);
		session_update_accepting(m);
	}
}

void
session_reset(struct master *m, struct session *s)
{
	if (s->tx.id[0] != '\0')
		spool_discard(&m->spool, s->tx.id);
	recipient_set_clear(&s->tx.boxes);
	recipient_log_clear(&s->tx.rcpts);
	memset(&s->tx, 0, sizeof(s->tx));
}

static void
log_disconnect(const struct session *s, const char *how,
    const struct ipc_end *end)
{
	struct log_line l;

	if (log_postfix_disconnect(s, how, end))
		return;
	log_begin(&l, LOG_LEVEL_INFO, "disconnect");
	log_str(&l, "session", s->id);
	log_str(&l, "client", s->client.text);
	log_str(&l, "why", how);
	if (end != NULL) {
		log_u64(&l, "commands", end->commands);
		log_u64(&l, "errors", end->errors);
		log_u64(&l, "octets_in", end->octets_in);
		log_u64(&l, "octets_out", end->octets_out);
	}
	log_u64(&l, "stored", s->stored);
	log_u64(&l, "ms", (uint64_t)(deadline_now_ms() - s->start_ms));
	log_end(&l);
}

void
session_end(struct master *m, struct session *s, const char *how,
    const struct ipc_end *end)
{
	if (end != NULL)
		how = end_words[end->end];
	log_disconnect(s, how, end);
	if (m->conf.catcher)
		catcher_disconnect(s, how);
	refused_end(m, s, how, end);
	session_reset(m, s);
	if (s->socket != -1)
		close(s->socket);
	address_leave(m->book, &s->client);
	free(s);
	session_update_accepting(m);
}
