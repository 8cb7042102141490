/*
 * The records of sessions, each from its beginning to its end.
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
#include "server/mail/spool.h"
#include "server/process/pool.h"
#include "shared/deadline.h"
#include "shared/log.h"

enum { last_words_s = 2 };

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
	if (s->socket != -1)
		close(s->socket);
	if (s->output != -1)
		close(s->output);
	s->socket = s->output = -1;
}

void
session_refuse(struct session *s, enum refusal why)
{
	const struct refusal_row *row = &counters_refusals[why];
	const int fd = s->output != -1 ? s->output : s->socket;
	char text[smtp_reply_max_bytes];
	struct buf line = buf_over(text, sizeof(text));
	struct log_line l;

	s->master->counters.value[row->counter]++;
	smtp_reply_write(row->reply, span_of(s->master->conf.hostname),
	    span_of(""), &line);
	/*
	 * The buffer of a new socket takes a line; if not, the client reads
	 * none.  One that waits for TLS would read it as a broken record.
	 */
	if (fd != -1 && !s->tls_first && send(fd, line.p, line.n,
	    MSG_NOSIGNAL | MSG_DONTWAIT) == -1 && errno == ENOTSOCK)
		(void)!write(fd, line.p, line.n);
	log_begin(&l, LOG_LEVEL_WARNING, "reject");
	if (s->id[0] != '\0')
		log_str(&l, "session", s->id);
	log_str(&l, "client", s->client.text);
	log_str(&l, "why", row->word);
	log_end(&l);
}

void
session_log_begin(const struct session *s, enum log_level level,
    const char *event, struct log_line *out)
{
	log_begin(out, level, event);
	log_str(out, "session", s->id);
	log_str(out, "client", s->client.text);
}

static void
count_end(const struct session *s, const char *how, const struct ipc_end *end)
{
	uint64_t *value = s->master->counters.value;

	value[counters_of_end(end, how, s->served)]++;
	if (end == NULL)
		return;
	value[COUNTER_COMMANDS] += end->commands;
	value[COUNTER_ERRORS] += end->errors;
	value[COUNTER_OCTETS_IN] += end->octets_in;
	value[COUNTER_OCTETS_OUT] += end->octets_out;
}

static void
log_disconnect(const struct session *s, const char *how,
    const struct ipc_end *end, uint64_t ms)
{
	struct log_line l;

	session_log_begin(s, LOG_LEVEL_INFO, "disconnect", &l);
	log_str(&l, "why", how);
	if (end != NULL) {
		log_u64(&l, "commands", end->commands);
		log_u64(&l, "errors", end->errors);
		log_u64(&l, "octets_in", end->octets_in);
		log_u64(&l, "octets_out", end->octets_out);
	}
	log_u64(&l, "stored", s->stored);
	log_u64(&l, "ms", ms);
	log_end(&l);
}

/* For keep-refused. */
static void
keep_refused(struct session *s, const char *how, const struct ipc_end *end,
    uint64_t ms)
{
	struct master *m = s->master;
	struct log_refused head = {
		.session = span_of(s->id), .client = span_of(s->client.text),
		.port = s->client.port, .ms = ms, .why = span_of(how),
		.commands = end == NULL ? 0 : end->commands,
		.errors = end == NULL ? 0 : end->errors, .stored = s->stored
	};
	bool room = s->refused != NULL && spool_has_room(m->spool,
	    &m->conf.limits, refused_file_max_bytes);

	refused_end(&s->refused, room ? &head : NULL,
	    span_from(s->refusals.text, s->refusals.n), s->refusals.count);
	recipient_log_clear(&s->refusals);
}

void
session_end(struct session *s, const char *how, const struct ipc_end *end)
{
	struct timeval wait = { last_words_s, 0 };
	struct master *m = s->master;
	uint64_t ms = (uint64_t)(deadline_now_ms() - s->start_ms);

	count_end(s, how, end);
	if (end != NULL)
		how = counters_rows[counters_of_end(end, how,
		    s->served)].value;
	log_disconnect(s, how, end, ms);
	if (m->conf.catcher)
		catcher_say(s->id, CATCHER_EVENT, "end: %s", how);
	keep_refused(s, how, end, ms);
	message_clear(&s->tx);
	session_close(s);
	if (s->epoch != NULL)
		conf_epoch_leave(s->epoch);
	s->host->served -= s->served;
	session_move(s, SESSIONS_NONE);
	address_leave(m->book, s->host);
	free(s);
	/*
	 * If the worker of the only session was lost, the nursery has yet to
	 * report how it died, and that is logged with its client.
	 */
	if (m->one_session)
		event_base_loopexit(m->base, end != NULL ? NULL : &wait);
}

void
session_turn_away(struct session *s, enum refusal why)
{
	session_refuse(s, why);
	session_end(s, counters_refusals[why].word, NULL);
}
