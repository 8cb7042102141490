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
#include "server/process/pool.h"
#include "shared/deadline.h"
#include "shared/log.h"

enum {
	hurried_idle_timeout_s = 10,
	slowest_octets_per_s = 500,
	overdue_grace_s = 60,
	last_words_s = 2
};

static const char *const end_words[END_COUNT] = {
#define END_WORDS(name, text) [END_##name] = text,
	IPC_ENDS(END_WORDS)
#undef END_WORDS
};

/*
 * The master does not see octets, so it allows for what was stored, for a
 * message under way, and as much again for those refused and for commands.
 */
bool
session_is_overdue(const struct session *s)
{
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
	return m->pool.busy_count * 5 >= m->conf.limits.workers * 4;
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

void
session_end(struct master *m, struct session *s, const char *how,
    const struct ipc_end *end)
{
	count_end(&m->counters, s, how, end);
	if (end != NULL)
		how = end_words[end->end];
	log_disconnect(s, how, end);
	if (m->conf.catcher)
		catcher_disconnect(s, how);
	refused_end(m, s, how, end);
	session_reset(m, s);
	session_close(s);
	if (s->epoch != NULL)
		conf_epoch_leave(s->epoch);
	if (s->served)
		address_serve(s->host, false);
	address_leave(m->book, s->host);
	free(s);
	if (m->one_session)
		end_soon(m, end != NULL);
}
