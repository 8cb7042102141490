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
	const char		*state;
	const char		*held;
};

static uint64_t
age_ms(int64_t since_ms)
{
	return (uint64_t)(deadline_now_ms() - since_ms);
}

uint64_t
control_count_sessions(const struct master *m,
    uint64_t count[SESSION_STATE_COUNT])
{
	uint64_t all = 0;

	memset(count, 0, SESSION_STATE_COUNT * sizeof(count[0]));
	for (size_t i = 0; i < SESSIONS_KINDS; i++) {
		const struct session *t;

		TAILQ_FOREACH(t, &m->sessions->list[i], entry)
			count[session_state(t)]++;
		all += m->sessions->count[i];
	}
	return all;
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
		json_out_string(s->j, "state", p->state);
		json_out_string(s->j, "held_by", p->held);
		json_out_end(s->j);
		return;
	}
	if (p->pid != 0)
		snprintf(pid, sizeof(pid), "%d", (int)p->pid);
	fprintf(s->f, "%-8s %10s  %-12s %-10s %s\n", p->role, pid,
	    p->user->name, p->state,
	    p->held[0] == '\0' ? "?" : p->held);
}

/* Whose they are, and of what role. */
struct workers {
	struct control_list	*list;
	const struct identity	*user;
	const char		*role;
};

static void
put_worker(void *arg, const struct pool_process *p)
{
	const struct workers *w = arg;

	put_process(w->list, &(struct process){ w->role, p->pid, w->user,
	    p->state, p->sandbox });
}

void
control_list_owners(const struct master *m, struct control_list *s)
{
	const char *const *words = control_state_words;

	put_process(s, &(struct process){ "master", getpid(),
	    &m->users.master, words[m->stopping ? STATE_STOPPING :
	    STATE_SERVING], m->sandbox });
	pool_nurseries(m, put_worker, &(struct workers){ s, &m->users.worker,
	    "nursery" });
	for (size_t i = 0; i < HELPER_COUNT; i++) {
		const struct helper *h = &m->helpers[i];

		if (h->state != HELPER_NONE)
			put_process(s, &(struct process){
			    helper_name((enum helper_kind)i), h->pid,
			    &m->users.master,
			    words[h->state == HELPER_SERVING ? STATE_SERVING :
			    h->state == HELPER_LOST ? STATE_LOST :
			    STATE_STARTING], h->sandbox });
	}
}

/* At most ipc_sessions_max of them. */
void
control_list_workers(const struct master *m, struct control_list *s)
{
	pool_workers(m, ipc_sessions_max, put_worker, &(struct workers){ s,
	    &m->users.worker, "worker" });
}

/* Workers are many: those of one state share a line. */
void
control_list_worker_counts(const struct master *m, FILE *f)
{
	struct pool_count c;

	pool_count(m, &c);
	const struct {
		uint64_t	 count;
		const char	*word;
	} rows[] = { { c.busy, "busy" }, { c.idle, "spare" } };

	for (size_t i = 0; i < 2; i++)
		if (rows[i].count > 0)
			fprintf(f, "%-8s %3llu of them  %-12s %-10s %s\n",
			    "worker", (unsigned long long)rows[i].count,
			    m->users.worker.name, rows[i].word,
			    pool_sandbox(m));
}

/* ---- sessions ----------------------------------------------------------- */

static void
put_session(struct control_list *s, const struct session *t)
{
	const char *state = session_word(t);
	pid_t pid = t->worker == NULL ? 0 : pool_pid(t->worker);
	char age[figure_bytes], shown[24] = "-";

	if (s->count++ >= ipc_sessions_max)
		return;
	if (s->j != NULL) {
		json_out_object(s->j, NULL);
		json_out_string(s->j, "id", t->id);
		json_out_string(s->j, "client", t->client.text);
		json_out_u64(s->j, "port", t->client.port);
		json_out_string(s->j, "state", state);
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
	    t->client.text, state, shown, age,
	    (unsigned long long)t->stored);
}

void
control_list_sessions(const struct master *m, struct control_list *s)
{
	static const enum session_list_kind order[] = { SESSIONS_SERVED,
	    SESSIONS_PENDING, SESSIONS_GREETING };
	const struct session *t;

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		TAILQ_FOREACH(t, &m->sessions->list[order[i]], entry)
			put_session(s, t);
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
