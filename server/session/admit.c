/*
 * A client is let in, waits for a worker in its turn, or gets one line that
 * says why not; a flood costs no worker and does not fill the kernel's queue.
 */
#include "server/session/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "server/log/catcher.h"
#include "server/log/ident.h"
#include "server/session/listen.h"
#include "shared/deadline.h"

enum {
	accept_batch_max = 32,
	refusal_ms = 1000	/* for the client to read its last line */
};

static void
on_greeting(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;
	int octets = 0;

	if ((what & EV_READ) == 0) {
		if (s->dismissed)
			session_end(s, "spoke before its turn", NULL);
		else
			session_wait(s);
		return;
	}
	if (ioctl(fd, FIONREAD, &octets) == -1 || octets == 0) {
		session_end(s, "closed by client", NULL);
		return;
	}
	/* Closed with octets unread, it would discard that line (3.1). */
	session_refuse(s, REFUSAL_EARLY);
	shutdown(fd, SHUT_WR);
	s->dismissed = true;
	event_assign(&s->early, s->master->base, fd, 0, on_greeting, s);
	event_add(&s->early, &(struct timeval){ refusal_ms / 1000, 0 });
}

/* Turns away one of the host with most sessions; false: that is s's. */
static bool
find_place(struct master *m, const struct session *s)
{
	const struct sessions *all = m->sessions;
	struct session *t, *worst = NULL;

	if (all->count[SESSIONS_PENDING] + all->count[SESSIONS_GREETING] <
	    listen_waiting_max(&m->conf))
		return true;
	for (size_t i = SESSIONS_PENDING; i >= SESSIONS_GREETING; i--)
		TAILQ_FOREACH(t, &all->list[i], entry)
			if (!t->dismissed && (worst == NULL ||
			    t->host->sessions >= worst->host->sessions))
				worst = t;
	if (worst == NULL || worst->host->sessions <= s->host->sessions)
		return false;
	session_turn_away(worst, REFUSAL_BUSY);
	return true;
}

static struct session *
make(struct master *m, int input, int output, const struct address *client,
    unsigned words)
{
	struct session *s = calloc(1, sizeof(*s));

	if (s != NULL)
		*s = (struct session){ .master = m, .socket = input,
		    .output = output, .client = *client, .words = words };
	return s;
}

static void
begin(struct session *s)
{
	struct master *m = s->master;
	const time_t wait_s = (time_t)m->conf.limits.greeting_wait_s;

	s->start_ms = deadline_now_ms();
	ident_make(s->id);
	m->counters.value[COUNTER_ACCEPTED]++;
	log_put(LOG_LEVEL_INFO, "connect", "session=%s client=%s port=%zu",
	    s->id, s->client.text, (size_t)s->client.port);
	if (m->conf.catcher)
		catcher_say(s->id, CATCHER_GOOD, "connection from %s port %u",
		    s->client.text, (unsigned)s->client.port);
	/*
	 * A client that speaks before us is no mail server (RFC 5321 3.1,
	 * 4.3.1).  A client on a pipe is known otherwise; under implicit TLS
	 * the client has to speak first, and so has a proxy.
	 */
	if (wait_s == 0 || s->output != -1 || s->header_due ||
	    (s->words & LISTEN_TLS_FIRST) != 0) {
		session_wait(s);
		return;
	}
	session_move(s, SESSIONS_GREETING);
	event_assign(&s->early, m->base, s->socket, EV_READ, on_greeting, s);
	event_add(&s->early, &(struct timeval){ wait_s, 0 });
}

int
admit_one(struct master *m, int input, int output,
    const struct address *client)
{
	struct session *s = make(m, input, output, client,
	    listen_words(&m->conf, input));

	if (s == NULL || address_enter(m->book, client, NULL, 0, &s->host) !=
	    REFUSAL_NONE) {
		free(s);
		return -1;
	}
	begin(s);
	return 0;
}

static void
admit(struct master *m, int fd, const struct address *client, unsigned words)
{
	struct session *s = make(m, fd, -1, client, words);
	enum refusal why;

	if (s == NULL) {
		m->counters.value[COUNTER_REFUSED_MEMORY]++;
		log_error("accept", NULL, errno);
		close(fd);
		return;
	}
	s->of_proxy = s->header_due = conf_is_proxy(&m->conf, &s->client.ip);
	/* A proxy has no limits: its sessions are those of many clients. */
	why = address_enter(m->book, client, s->of_proxy ? NULL :
	    &m->conf.limits, deadline_now_ms(), &s->host);
	if (why == REFUSAL_NONE) {
		if (find_place(m, s)) {
			begin(s);
			return;
		}
		address_leave(m->book, s->host);
		why = REFUSAL_BUSY;
	}
	session_refuse(s, why);
	session_close(s);
	free(s);
}

void
admit_accept(evutil_socket_t listening, short what, void *arg)
{
	char where[sizeof("accept on  port 65535") + address_text_bytes];
	struct address client, a = { .text = "?" };
	struct master *m = arg;
	const struct listener *l = m->listeners->one;

	while (l->fd != listening && l + 1 < m->listeners->one +
	    m->listeners->count)
		l++;
	for (int i = 0; i < accept_batch_max; i++) {
		struct sockaddr_storage from;
		socklen_t n = sizeof(from);
		int fd = accept4(listening, (struct sockaddr *)&from, &n,
		    SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd != -1) {
			if (address_of(&from, &client))
				admit(m, fd, &client, l->line.words);
			else
				close(fd);
			continue;
		}
		/* No descriptor or memory: retry at the next tick. */
		if (errno != EAGAIN && errno != EWOULDBLOCK &&
		    errno != ECONNABORTED && errno != EINTR) {
			int error = errno;

			(void)listen_address(listening, &a);
			snprintf(where, sizeof(where), "accept on %s port %u",
			    a.text, a.port);
			log_error(where, NULL, error);
			listen_accept(m, false);
		}
		return;
	}
}

void
admit_stop(struct master *m)
{
	struct session_list *list = m->sessions->list;
	struct session *s;

	while ((s = TAILQ_FIRST(&list[SESSIONS_GREETING])) != NULL ||
	    (s = TAILQ_FIRST(&list[SESSIONS_PENDING])) != NULL)
		session_turn_away(s, REFUSAL_STOPPING);
	event_del(&m->sessions->room);
}
