/*
 * Processes, sessions and addresses, each as a line for a person or as a JSON
 * object.
 */
#include "server/control/control_list.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "server/log/figure.h"
#include "server/process/helper.h"
#include "shared/deadline.h"

enum { label_columns = 14, top_addresses = 10 };

static const char *const states[STATE_COUNT] = {
#define STATE_WORD(name, text) [STATE_##name] = text,
	CONTROL_STATES(STATE_WORD)
#undef STATE_WORD
};

void
control_line(const struct control_out *o, const char *label,
    const char *format, ...)
{
	va_list ap;

	fprintf(o->f, "%-*s ", label_columns, label);
	va_start(ap, format);
	vfprintf(o->f, format, ap);
	va_end(ap);
	putc('\n', o->f);
}

uint64_t
control_age_ms(int64_t since_ms)
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

/* Pid 0: it is not known. */
static void
json_pid(struct json_out *j, pid_t pid)
{
	if (pid == 0)
		json_out_null(j, "pid");
	else
		json_out_i64(j, "pid", pid);
}

static const char *
pid_text(pid_t pid, const char *none)
{
	static char text[24];

	snprintf(text, sizeof(text), "%d", (int)pid);
	return pid == 0 ? none : text;
}

/* ---- processes ---------------------------------------------------------- */

/* What the processes of one role have in common. */
struct role {
	const struct control_out	*out;
	const char			*name;
	const struct identity		*user;
};

static void
put_process(void *arg, const struct pool_process *p)
{
	const struct role *role = arg;
	struct json_out *j = role->out->j;

	if (j == NULL) {
		fprintf(role->out->f, "%-8s %10s  %-12s %-10s %s\n",
		    role->name, pid_text(p->pid, "?"), role->user->name,
		    p->state, p->sandbox[0] == '\0' ? "?" : p->sandbox);
		return;
	}
	json_out_object(j, NULL);
	json_out_string(j, "role", role->name);
	json_pid(j, p->pid);
	json_out_u64(j, "uid", role->user->uid);
	json_out_string(j, "user", role->user->name);
	json_out_string(j, "state", p->state);
	json_out_string(j, "held_by", p->sandbox);
	json_out_end(j);
}

/* Workers are many: those of one state share a line. */
static void
put_worker_counts(const struct master *m, FILE *f)
{
	const char *user = m->users.worker.name;
	struct pool_count c;

	pool_count(m, &c);
	if (c.busy > 0)
		fprintf(f, "%-8s %3" PRIu64 " of them  %-12s %-10s %s\n",
		    "worker", c.busy, user, "busy", pool_sandbox(m));
	if (c.idle > 0)
		fprintf(f, "%-8s %3" PRIu64 " of them  %-12s %-10s %s\n",
		    "worker", c.idle, user, "spare", pool_sandbox(m));
}

void
control_list_processes(const struct master *m, const struct control_out *o)
{
	struct role master = { o, "master", &m->users.master };
	struct role nursery = { o, "nursery", &m->users.worker };
	struct role worker = { o, "worker", &m->users.worker };

	put_process(&master, &(struct pool_process){ getpid(),
	    states[m->stopping ? STATE_STOPPING : STATE_SERVING],
	    m->sandbox });
	pool_nurseries(m, put_process, &nursery);
	for (size_t i = 0; i < HELPER_COUNT; i++) {
		const struct helper *h = &m->helpers[i];
		struct role role = { o, helper_name((enum helper_kind)i),
		    &m->users.master };

		if (h->state != HELPER_NONE)
			put_process(&role, &(struct pool_process){ h->pid,
			    states[h->state == HELPER_SERVING ? STATE_SERVING :
			    h->state == HELPER_LOST ? STATE_LOST :
			    STATE_STARTING], h->sandbox });
	}
	if (o->j != NULL || o->all)
		pool_workers(m, ipc_sessions_max, put_process, &worker);
	else
		put_worker_counts(m, o->f);
}

/* ---- sessions ----------------------------------------------------------- */

static void
put_session(const struct session *t, const struct control_out *o)
{
	const char *state = session_state_words[session_state(t)];
	pid_t pid = t->worker == NULL ? 0 : pool_pid(t->worker);
	uint64_t age_ms = control_age_ms(t->start_ms);
	char age[figure_bytes];

	if (o->j == NULL) {
		figure_duration(age_ms, age);
		fprintf(o->f, "%-16s %-39s %-8s %10s %10s %7" PRIu64 "\n",
		    t->id, t->client.text, state,
		    pid_text(pid, "-"), age, t->stored);
		return;
	}
	json_out_object(o->j, NULL);
	json_out_string(o->j, "id", t->id);
	json_out_string(o->j, "client", t->client.text);
	json_out_u64(o->j, "port", t->client.port);
	json_out_string(o->j, "state", state);
	json_pid(o->j, pid);
	json_out_parts(o->j, "age_seconds", age_ms, 1000);
	json_out_u64(o->j, "stored", t->stored);
	json_out_u64(o->j, "stored_bytes", t->stored_bytes);
	json_out_end(o->j);
}

void
control_list_sessions(const struct master *m, const struct control_out *o)
{
	static const enum session_list_kind order[] = { SESSIONS_SERVED,
	    SESSIONS_PENDING, SESSIONS_GREETING };
	const struct session *t;
	size_t n = 0;

	if (o->j != NULL)
		json_out_array(o->j, "session_list");
	else if (!o->all)
		return;
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		TAILQ_FOREACH(t, &m->sessions->list[order[i]], entry) {
			if (o->j == NULL && n == 0)
				fprintf(o->f, "\n%-16s %-39s %-8s %10s %10s "
				    "%7s\n", "SESSION", "CLIENT", "STATE",
				    "PID", "FOR", "STORED");
			if (n++ < ipc_sessions_max)
				put_session(t, o);
		}
	if (o->j == NULL)
		return;
	json_out_end(o->j);
	json_out_bool(o->j, "cut", n > ipc_sessions_max);
}

/* ---- addresses ---------------------------------------------------------- */

static void
json_addresses(const struct address_note *notes, size_t n, bool refused,
    struct json_out *j)
{
	for (size_t i = 0; i < n; i++) {
		/* An address that is busy and refused is listed once. */
		if (!refused && notes[i].refused_ms != 0)
			continue;
		json_out_object(j, NULL);
		json_out_string(j, "address", notes[i].text);
		json_out_u64(j, "sessions", notes[i].sessions);
		json_out_parts(j, "refused_seconds", notes[i].refused_ms,
		    1000);
		json_out_end(j);
	}
}

static void
put_addresses(const struct address_note *notes, size_t n, bool refused,
    uint64_t per_address, const struct control_out *o)
{
	char left[figure_bytes];

	for (size_t i = 0; i < n; i++) {
		figure_duration(notes[i].refused_ms, left);
		if (refused)
			control_line(o, i == 0 ? "refused" : "",
			    "%s: for %s more", notes[i].text, left);
		else if (notes[i].sessions > 0)
			control_line(o, i == 0 ? "addresses" : "",
			    "%s: %" PRIu64 " of %" PRIu64 " sessions at most",
			    notes[i].text, notes[i].sessions, per_address);
	}
}

void
control_list_addresses(struct master *m, const struct control_out *o)
{
	struct address_note notes[ipc_addresses_max];
	int64_t now_ms = deadline_now_ms();
	uint64_t all = address_refused_count(m->book, now_ms);
	size_t max = o->j != NULL || o->all ? ipc_addresses_max :
	    top_addresses, n = 0;

	if (o->j != NULL) {
		json_out_u64(o->j, "refused_addresses", all);
		json_out_array(o->j, "addresses");
	}
	for (int refused = 0; refused < 2; refused++) {
		n = address_top(m->book, now_ms, refused == 1, notes, max);
		if (o->j != NULL)
			json_addresses(notes, n, refused == 1, o->j);
		else
			put_addresses(notes, n, refused == 1,
			    m->conf.limits.per_address, o);
	}
	if (o->j != NULL)
		json_out_end(o->j);
	else if (all > n)
		control_line(o, n == 0 ? "refused" : "", "%" PRIu64 " more",
		    all - n);
}
