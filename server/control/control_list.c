/*
 * Processes, sessions and addresses, each as a line for a person or as a JSON
 * object.
 */
#include "server/control/control_list.h"

#include <string.h>
#include <unistd.h>

#include "server/log/figure.h"
#include "shared/deadline.h"

const char *const control_state_words[STATE_COUNT] = {
#define STATE_WORD(name, text) [STATE_##name] = text,
	CONTROL_STATES(STATE_WORD)
#undef STATE_WORD
};

/* One process; pid 0: not known. */
struct process {
	const char		*role;
	pid_t			 pid;
	const struct identity	*user;
	enum control_state	 state;
	const char		*held;
};

static uint64_t
age_ms(int64_t since_ms)
{
	return (uint64_t)(deadline_now_ms() - since_ms);
}

static enum control_state
session_state(const struct worker *w)
{
	switch (w->when) {
	case IPC_AT_MAIL:
		return STATE_MAIL;
	case IPC_AT_RCPT:
		return STATE_RCPT;
	case IPC_AT_DATA:
		return STATE_DATA;
	case IPC_AT_COMMIT:
		return STATE_COMMIT;
	case IPC_AT_IDLE:
	case IPC_AT_SESSION:
	case IPC_AT_LOGIN:
	case IPC_AT_PROXY:
	case IPC_AT_ANY:
	case IPC_AT_WORK:
	case IPC_AT_ASK:
		break;
	}
	return STATE_IDLE;
}

uint64_t
control_count_sessions(const struct master *m,
    uint64_t count[state_session_count])
{
	const struct worker *w;

	memset(count, 0, state_session_count * sizeof(count[0]));
	TAILQ_FOREACH(w, &m->pool.busy, entry) {
		count[session_state(w)]++;
	}
	count[STATE_WAITING] = m->pool.pending_count;
	count[STATE_GREETING] = m->greeting_count;
	return m->pool.busy_count + m->pool.pending_count + m->greeting_count;
}

/* ---- processes ---------------------------------------------------------- */

static void
put_process(struct control_list *s, const struct process *p)
{
	char pid[24] = "?";

	s->count++;
	if (s->j != NULL) {
		json_out_object(s->j, NULL);
		json_out_string(s->j, "role", p->role);
		if (p->pid == 0)
			json_out_null(s->j, "pid");
		else
			json_out_i64(s->j, "pid", p->pid);
		json_out_u64(s->j, "uid", p->user->uid);
		json_out_string(s->j, "user", p->user->name);
		json_out_string(s->j, "state", control_state_words[p->state]);
		json_out_string(s->j, "held_by", p->held);
		json_out_end(s->j);
		return;
	}
	if (p->pid != 0)
		snprintf(pid, sizeof(pid), "%d", (int)p->pid);
	fprintf(s->f, "%-8s %10s  %-12s %-10s %s\n", p->role, pid,
	    p->user->name, control_state_words[p->state],
	    p->held[0] == '\0' ? "?" : p->held);
}

void
control_list_owners(const struct master *m, struct control_list *s)
{
	put_process(s, &(struct process){ "master", getpid(),
	    &m->users.master, m->stopping ? STATE_STOPPING : STATE_SERVING,
	    m->sandbox });
	for (size_t i = 0; i < nursery_count; i++) {
		const struct nursery *n = &m->pool.nurseries[i];

		if (n->state != NURSERY_NONE)
			put_process(s, &(struct process){ "nursery", n->pid,
			    &m->users.worker, n->state == NURSERY_STARTING ?
			    STATE_STARTING : n == m->pool.active ?
			    STATE_SERVING : STATE_STANDBY, n->sandbox });
	}
	for (size_t i = 0; i < HELPER_COUNT; i++) {
		const struct helper *h = &m->helpers[i];

		if (h->state != HELPER_NONE)
			put_process(s, &(struct process){
			    helper_name((enum helper_kind)i), h->pid,
			    &m->users.master,
			    h->state == HELPER_SERVING ? STATE_SERVING :
			    h->state == HELPER_LOST ? STATE_LOST :
			    STATE_STARTING, h->sandbox });
	}
}

/* At most ipc_sessions_max of them. */
void
control_list_workers(const struct master *m, struct control_list *s)
{
	const struct worker_list *const lists[] = { &m->pool.busy,
	    &m->pool.idle, &m->pool.leaving };
	const struct worker *w;
	size_t left = ipc_sessions_max;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		TAILQ_FOREACH(w, lists[i], entry) {
			if (left-- == 0)
				return;
			put_process(s, &(struct process){ "worker", w->pid,
			    &m->users.worker, i == 0 ? session_state(w) :
			    i == 1 ? STATE_SPARE : STATE_LEAVING,
			    w->nursery->sandbox });
		}
	}
}

/* Workers are many: those of one state share a line. */
void
control_list_worker_counts(const struct master *m, FILE *f)
{
	const struct {
		uint64_t	 count;
		const char	*word;
	} rows[] = { { m->pool.busy_count, "busy" },
	    { m->pool.idle_count, "spare" } };

	for (size_t i = 0; i < 2; i++)
		if (rows[i].count > 0)
			fprintf(f, "%-8s %3llu of them  %-12s %-10s %s\n",
			    "worker", (unsigned long long)rows[i].count,
			    m->users.worker.name, rows[i].word,
			    m->pool.active == NULL ? "?" :
			    m->pool.active->sandbox);
}

/* ---- sessions ----------------------------------------------------------- */

static void
put_session(struct control_list *s, const struct session *t, pid_t pid,
    enum control_state state)
{
	char age[figure_bytes], shown[24] = "-";

	if (s->count++ >= ipc_sessions_max)
		return;
	if (s->j != NULL) {
		json_out_object(s->j, NULL);
		json_out_string(s->j, "id", t->id);
		json_out_string(s->j, "client", t->client.text);
		json_out_u64(s->j, "port", t->client.port);
		json_out_string(s->j, "state", control_state_words[state]);
		if (pid == 0)
			json_out_null(s->j, "pid");
		else
			json_out_i64(s->j, "pid", pid);
		json_out_parts(s->j, "age_seconds", age_ms(t->start_ms), 1000);
		json_out_u64(s->j, "stored", t->stored);
		json_out_u64(s->j, "stored_bytes", t->stored_bytes);
		json_out_end(s->j);
		return;
	}
	if (s->count == 1)
		fprintf(s->f, "\n%-16s %-39s %-8s %10s %10s %7s\n", "SESSION",
		    "CLIENT", "STATE", "PID", "FOR", "STORED");
	figure_duration(age_ms(t->start_ms), age);
	if (pid != 0)
		snprintf(shown, sizeof(shown), "%d", (int)pid);
	fprintf(s->f, "%-16s %-39s %-8s %10s %10s %7llu\n", t->id,
	    t->client.text, control_state_words[state], shown, age,
	    (unsigned long long)t->stored);
}

void
control_list_sessions(const struct master *m, struct control_list *s)
{
	const struct session *t;
	const struct worker *w;

	TAILQ_FOREACH(w, &m->pool.busy, entry) {
		put_session(s, w->session, w->pid, session_state(w));
	}
	TAILQ_FOREACH(t, &m->pool.pending, entry) {
		put_session(s, t, 0, STATE_WAITING);
	}
	TAILQ_FOREACH(t, &m->greeting, entry) {
		put_session(s, t, 0, STATE_GREETING);
	}
}

/* ---- addresses ---------------------------------------------------------- */

void
control_list_addresses(struct master *m, struct json_out *j)
{
	struct address_note notes[ipc_addresses_max];
	int64_t now_ms = deadline_now_ms();

	json_out_u64(j, "refused_addresses", address_refused_count(m->book,
	    now_ms));
	json_out_array(j, "addresses");
	for (int refused = 0; refused < 2; refused++) {
		size_t n = address_top(m->book, now_ms, refused == 1, notes,
		    ipc_addresses_max);

		for (size_t i = 0; i < n; i++) {
			/* One that is both is named once. */
			if (refused == 0 && notes[i].refused_ms != 0)
				continue;
			json_out_object(j, NULL);
			json_out_string(j, "address", notes[i].text);
			json_out_u64(j, "sessions", notes[i].sessions);
			json_out_parts(j, "refused_seconds",
			    notes[i].refused_ms, 1000);
			json_out_end(j);
		}
	}
	json_out_end(j);
}
