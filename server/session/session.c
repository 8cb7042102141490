/*
 * The books of sessions: what is true of one from its beginning to its end.
 */
#include "server/session/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/log/catcher.h"
#include "server/log/ident.h"
#include "server/log/refused.h"
#include "server/mail/commit.h"
#include "server/process/pool.h"
#include "server/process/signer.h"
#include "server/session/login.h"
#include "shared/deadline.h"
#include "shared/log.h"

enum {
	hurried_idle_timeout_s = 10,
	slowest_octets_per_s = 500,
	overdue_grace_s = 60,
	crash_refusal_ms = 10 * 60 * 1000,	/* of its client */
	last_words_s = 2
};

static const char *const end_words[END_COUNT] = {
#define END_WORDS(name, text) [END_##name] = text,
	IPC_ENDS(END_WORDS)
#undef END_WORDS
};

const char *const session_state_words[SESSION_STATE_COUNT] = {
#define STATE_WORD(name, text) [SESSION_##name] = text,
	SESSION_STATES(STATE_WORD)
#undef STATE_WORD
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
	if (s->list == SESSIONS_GREETING)
		return SESSION_GREETING;
	if (s->worker == NULL)
		return SESSION_WAITING;
	switch (pool_permits(s->worker)) {
	case IPC_AT_MAIL:
		return SESSION_MAIL;
	case IPC_AT_RCPT:
		return SESSION_RCPT;
	case IPC_AT_DATA:
		return SESSION_DATA;
	case IPC_AT_COMMIT:
		return SESSION_COMMIT;
	case IPC_AT_IDLE:
	case IPC_AT_SESSION:
	case IPC_AT_LOGIN:
	case IPC_AT_PROXY:
	case IPC_AT_ANY:
	case IPC_AT_WORK:
	case IPC_AT_ASK:
		break;
	}
	return SESSION_IDLE;
}

const char *
session_word(const void *session)
{
	return session_state_words[session_state(session)];
}

/*
 * The master does not see octets, so it allows for what was stored, for a
 * message under way, and as much again for those refused and for commands.
 */
bool
session_is_overdue(const void *session)
{
	const struct session *s = session;
	const struct conf_limits *l = &s->epoch->conf.limits;
	uint64_t age_s = (uint64_t)(deadline_now_ms() - s->start_ms -
	    s->disk_ms) / 1000;
	uint64_t octets = 2 * (s->stored_bytes + l->message_size_bytes);

	return age_s > l->session_time_s + octets / slowest_octets_per_s +
	    overdue_grace_s;
}

bool
session_is_hurried(const struct master *m)
{
	struct pool_count c;

	pool_count(m, &c);
	return c.busy * 5 >= m->conf.limits.workers * 4;
}

uint32_t
session_idle_timeout_s(const struct master *m)
{
	uint64_t s = m->conf.limits.idle_timeout_s;

	if (session_is_hurried(m) && s > hurried_idle_timeout_s)
		s = hurried_idle_timeout_s;
	return (uint32_t)s;
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

void
session_close(struct session *s)
{
	if (s->socket != -1)
		close(s->socket);
	if (s->output != -1)
		close(s->output);
	s->socket = s->output = -1;
}

void
session_log_reject(const struct address *client, const char *id,
    const char *why)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_WARNING, "reject");
	if (id != NULL)
		log_str(&l, "session", id);
	log_str(&l, "client", client->text);
	log_str(&l, "why", why);
	log_end(&l);
}

/*
 * The only session is over.  Of a worker that was lost the nursery has yet to
 * tell how it died, and who was its client belongs into the log.
 */
static void
end_soon(struct master *m, bool in_order)
{
	struct timeval wait = { last_words_s, 0 };

	event_base_loopexit(m->base, in_order ? NULL : &wait);
}

static void
count_end(struct counters *c, const struct session *s, const char *how,
    const struct ipc_end *end)
{
	c->value[counters_of_end(end, how, s->served)]++;
	if (end == NULL)
		return;
	c->value[COUNTER_COMMANDS] += end->commands;
	c->value[COUNTER_ERRORS] += end->errors;
	c->value[COUNTER_OCTETS_IN] += end->octets_in;
	c->value[COUNTER_OCTETS_OUT] += end->octets_out;
}

static void
log_disconnect(const struct session *s, const char *how,
    const struct ipc_end *end)
{
	struct log_line l;

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

/* For keep-refused. */
static void
keep_refused(struct session *s, const char *how, const struct ipc_end *end)
{
	struct master *m = s->master;
	struct refused_head head = {
		.session = span_of(s->id), .client = span_of(s->client.text),
		.port = s->client.port,
		.ms = (uint64_t)(deadline_now_ms() - s->start_ms),
		.why = span_of(how),
		.commands = end == NULL ? 0 : end->commands,
		.errors = end == NULL ? 0 : end->errors, .stored = s->stored
	};
	bool room = s->refused != NULL && spool_has_room(&m->spool,
	    &m->conf.limits, refused_file_max_bytes);

	refused_end(&s->refused, room ? &head : NULL,
	    span_from(s->refusals.text, s->refusals.n), s->refusals.count);
	recipient_log_clear(&s->refusals);
}

void
session_end(struct master *m, struct session *s, const char *how,
    const struct ipc_end *end)
{
	login_forget(s);
	signer_forget(m, &s->signing);
	if (s->delivery != NULL)
		commit_forget(m, s->delivery);
	count_end(&m->counters, s, how, end);
	if (end != NULL)
		how = end_words[end->end];
	log_disconnect(s, how, end);
	if (m->conf.catcher)
		catcher_disconnect(s->id, how);
	keep_refused(s, how, end);
	session_reset(m, s);
	session_close(s);
	if (s->epoch != NULL)
		conf_epoch_leave(s->epoch);
	if (s->served)
		address_serve(s->host, false);
	session_move(s, SESSIONS_NONE);
	address_leave(m->book, s->host);
	free(s);
	if (m->one_session)
		end_soon(m, end != NULL);
}

/* ---- as the owner of a worker ------------------------------------------- */

void
session_lost(void *session, const char *how)
{
	struct session *s = session;

	s->worker = NULL;
	session_end(s->master, s, how, NULL);
}

void
session_evict(void *session)
{
	struct session *s = session;

	/* At most one of them, for either may be the end of s. */
	if (s->login != NULL)
		login_cut_short(s);
	else
		signer_cut_short(s->master, &s->signing);
}

/* What is left of a session in its worker. */
struct last {
	char		id[ipc_id_bytes + 1];
	bool		of_proxy;
	struct address	client;
};
_Static_assert(sizeof(struct last) <= pool_last_bytes, "pool_last_bytes");

void
session_remember(const void *session, uint8_t last[pool_last_bytes])
{
	const struct session *s = session;
	struct last l = { .of_proxy = s->of_proxy, .client = s->client };

	memcpy(l.id, s->id, sizeof(l.id));
	memcpy(last, &l, sizeof(l));
}

/*
 * The client is not let in again soon.  But a proxy is many clients, and
 * refused it would be refused for all of them; so would be all programs of a
 * developer.
 */
void
session_blame(struct master *m, const uint8_t last[pool_last_bytes],
    struct log_line *line)
{
	struct last l;

	memcpy(&l, last, sizeof(l));
	log_str(line, "session", l.id);
	log_str(line, "client", l.client.text);
	if (l.of_proxy || m->conf.catcher)
		return;
	address_refuse(m->book, &l.client,
	    deadline_now_ms() + crash_refusal_ms);
	log_u64(line, "refused_s", crash_refusal_ms / 1000);
}
