/* The state of the master, as text or as JSON, written within one turn. */
#include "server/control/control.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/log/figure.h"
#include "server/process/helper.h"
#include "server/session/listen.h"
#include "shared/deadline.h"

#define line	control_line

enum { day_s = 86400, label_columns = 14, top_addresses = 10 };

void
control_line(struct control_out *o, const char *label, const char *format, ...)
{
	va_list ap;

	if (o->f == NULL)
		return;
	fprintf(o->f, "%-*s ", label_columns, o->label != NULL &&
	    strcmp(o->label, label) == 0 ? "" : label);
	o->label = label;
	va_start(ap, format);
	vfprintf(o->f, format, ap);
	va_end(ap);
	putc('\n', o->f);
}

static const char *
shown(const char *path)
{
	static char text[conf_path_shown_bytes];

	conf_show(span_of(path), text, sizeof(text));
	return text;
}

static void
tell_about(const struct master *m, struct control_out *o)
{
	uint64_t up_ms = (uint64_t)(deadline_now_ms() - m->start_ms);
	const char *conf = m->conf.path == NULL ? "" : m->conf.path;

	json_out_string(&o->j, "version", SMTPD_VERSION);
	json_out_string(&o->j, "hostname", m->conf.hostname);
	json_out_i64(&o->j, "pid", getpid());
	json_out_parts(&o->j, "uptime_seconds", up_ms, 1000);
	json_out_i64(&o->j, "time", time(NULL));
	json_out_string(&o->j, "configuration", conf);
	json_out_string(&o->j, "root", m->conf.root);
	figure_put(o->f, "smtpd %s is %s as %s for %s, since %s\n",
	    SMTPD_VERSION, m->stopping ? "stopping" : "running",
	    m->conf.hostname, figure_duration(up_ms),
	    figure_time(time(NULL) - (int64_t)(up_ms / 1000)));
	line(o, "configuration", "%s", shown(conf));
	line(o, "root", "%s", shown(m->conf.root));
}

static void
tell_listeners(const struct master *m, struct control_out *o)
{
	struct address at;

	json_out_array(&o->j, "listen");
	for (size_t i = 0; i < m->listeners->count; i++) {
		if (!listen_address(m->listeners->one[i].fd, &at))
			continue;
		line(o, "listens at", "%s port %u", at.text, at.port);
		json_out_object(&o->j, NULL);
		json_out_string(&o->j, "address", at.text);
		json_out_u64(&o->j, "port", at.port);
		json_out_end(&o->j);
	}
	json_out_end(&o->j);
}

static void
tell_certificates(const struct master *m, struct control_out *o)
{
	json_out_array(&o->j, "certificates");
	for (size_t i = 0; i < m->tls->count && i < m->conf.pair_count; i++) {
		const char *file = m->conf.pairs[i].certificate;
		const struct ipc_judged *facts = &m->tls->pairs[i].facts;
		int64_t left_s = facts->until_s - time(NULL);
		char left[40] = " HAS EXPIRED";

		if (left_s > 0)
			snprintf(left, sizeof(left), ", %" PRId64 " days left",
			    left_s / day_s);
		line(o, "certificates", "%s for %s%s", shown(file),
		    facts->name, left);
		json_out_object(&o->j, NULL);
		json_out_string(&o->j, "file", file);
		json_out_string(&o->j, "name", facts->name);
		json_out_i64(&o->j, "until", facts->until_s);
		json_out_i64(&o->j, "seconds_left", left_s);
		json_out_end(&o->j);
	}
	json_out_end(&o->j);
}

struct role {
	struct control_out	*out;
	const char		*name;
	const struct identity	*user;
};

/* Tells "pid"; returns it as text, or none where it is not known. */
static const char *
tell_pid(struct json_out *j, pid_t pid, const char *none)
{
	static char text[24];

	if (pid == 0)
		json_out_null(j, "pid");
	else
		json_out_i64(j, "pid", pid);
	snprintf(text, sizeof(text), "%d", (int)pid);
	return pid == 0 ? none : text;
}

static void
tell_process(void *arg, const struct pool_process *p)
{
	const struct role *role = arg;
	struct json_out *j = &role->out->j;

	json_out_object(j, NULL);
	json_out_string(j, "role", role->name);
	figure_put(role->out->f, "%-8s %10s  %-12s %-10s %s\n", role->name,
	    tell_pid(j, p->pid, "?"), role->user->name, p->state,
	    p->sandbox[0] == '\0' ? "?" : p->sandbox);
	json_out_u64(j, "uid", role->user->uid);
	json_out_string(j, "user", role->user->name);
	json_out_string(j, "state", p->state);
	json_out_string(j, "held_by", p->sandbox);
	json_out_end(j);
}

/* A nursery that is lost is not shown, for the other one works. */
static void
tell_helper(const struct master *m, struct control_out *o,
    enum helper_kind kind)
{
	const bool nursery = kind >= HELPER_NURSERY;
	const struct helper *h = &m->helpers[kind];
	struct role role = { o, helper_name(kind), nursery ?
	    &m->users.worker : &m->users.master };

	if (h->state > (nursery ? HELPER_COMING : HELPER_NONE))
		tell_process(&role, &(struct pool_process){ h->pid,
		    h->state == HELPER_LOST ? "lost" :
		    h->state != HELPER_SERVING ? "starting" :
		    nursery && pool_nursery(m) != h ? "stands by" :
		    "serving", h->pid == 0 ? "" : h->sandbox });
}

static void
tell_processes(const struct master *m, struct control_out *o)
{
	struct role role = { o, "master", &m->users.master };
	struct role worker = { o, "worker", &m->users.worker };
	const uint64_t *c = pool_count(m);

	json_out_array(&o->j, "processes");
	figure_put(o->f, "\n%-8s %10s  %-12s %-10s %s\n", "PROCESS", "PID",
	    "USER", "STATE", "SANDBOX");
	tell_process(&role, &(struct pool_process){ getpid(),
	    m->stopping ? "stopping" : "serving", m->sandbox });
	for (size_t i = HELPER_NURSERY; i < HELPER_ALL; i++)
		tell_helper(m, o, (enum helper_kind)i);
	for (size_t i = 0; i < HELPER_COUNT; i++)
		tell_helper(m, o, (enum helper_kind)i);
	if (o->f == NULL || o->all)
		pool_workers(m, ipc_sessions_max, tell_process, &worker);
	json_out_end(&o->j);
	/* Workers are many: without all, those of a state share a line. */
	for (enum pool_count i = POOL_BUSY; i <= POOL_IDLE && !o->all; i++)
		if (c[i] > 0)
			figure_put(o->f, "%-8s %3" PRIu64 " of them  %-12s "
			    "%-10s %s\n", "worker", c[i], worker.user->name,
			    i == POOL_IDLE ? "spare" : "busy",
			    pool_nursery(m) == NULL ? "?" :
			    pool_nursery(m)->sandbox);
	figure_put(o->f, "\n");
}

uint64_t
control_count_sessions(const struct master *m,
    uint64_t count[SESSION_STATE_COUNT])
{
	const struct session *t;
	uint64_t all = 0;

	memset(count, 0, SESSION_STATE_COUNT * sizeof(count[0]));
	for (size_t i = 0; i < SESSIONS_KINDS; i++) {
		TAILQ_FOREACH(t, &m->sessions->list[i], entry)
			count[session_state(t)]++;
		all += m->sessions->count[i];
	}
	return all;
}

static void
tell_sessions(const struct master *m, struct control_out *o)
{
	const struct conf_limits *l = &m->conf.limits;
	uint64_t count[SESSION_STATE_COUNT];
	uint64_t all = control_count_sessions(m, count);
	const uint64_t *c = pool_count(m);
	char storage[300];
	struct buf text = buf_over(storage, sizeof(storage));

	json_out_object(&o->j, "sessions");
	json_out_u64(&o->j, "all", all);
	json_out_u64(&o->j, "max", l->workers);
	json_out_u64(&o->j, "per_address_max", l->per_address);
	for (size_t i = 0; i < SESSION_STATE_COUNT; i++) {
		json_out_u64(&o->j, session_state_words[i], count[i]);
		if (count[i] > 0)
			buf_print(&text, "%s%" PRIu64 " %s", text.n == 0 ?
			    ": " : ", ", count[i], session_state_words[i]);
	}
	json_out_end(&o->j);
	line(o, "sessions", "%" PRIu64 " of %" PRIu64 " at most%s", all,
	    l->workers, buf_str(&text));
	json_out_object(&o->j, "workers");
	json_out_u64(&o->j, "busy", c[POOL_BUSY]);
	json_out_u64(&o->j, "spare", c[POOL_IDLE]);
	json_out_u64(&o->j, "spare_wanted", c[POOL_SPARE]);
	json_out_u64(&o->j, "coming", c[POOL_COMING]);
	json_out_u64(&o->j, "leaving", c[POOL_LEAVING]);
	json_out_end(&o->j);
	line(o, "workers", "%" PRIu64 " busy, %" PRIu64 " spare (%" PRIu64
	    " wanted), %" PRIu64 " coming, %" PRIu64 " leaving", c[POOL_BUSY],
	    c[POOL_IDLE], c[POOL_SPARE], c[POOL_COMING], c[POOL_LEAVING]);
}

static void
tell_session(const struct session *t, struct control_out *o)
{
	const char *state = session_state_words[session_state(t)];
	uint64_t age_ms = (uint64_t)(deadline_now_ms() - t->start_ms);
	const char *pid;

	json_out_object(&o->j, NULL);
	json_out_string(&o->j, "id", t->id);
	json_out_string(&o->j, "client", t->client.text);
	json_out_u64(&o->j, "port", t->client.port);
	json_out_string(&o->j, "state", state);
	pid = tell_pid(&o->j, t->worker == NULL ? 0 : pool_pid(t->worker),
	    "-");
	figure_put(o->f, "%-16s %-39s %-8s %10s %10s %7" PRIu64 "\n", t->id,
	    t->client.text, state, pid, figure_duration(age_ms), t->stored);
	json_out_parts(&o->j, "age_seconds", age_ms, 1000);
	json_out_u64(&o->j, "stored", t->stored);
	json_out_u64(&o->j, "stored_bytes", t->stored_bytes);
	json_out_end(&o->j);
}

/* At most ipc_sessions_max; as text only with all. */
static void
list_sessions(const struct master *m, struct control_out *o)
{
	static const enum session_list_kind order[] = { SESSIONS_SERVED,
	    SESSIONS_PENDING, SESSIONS_GREETING };
	const struct session *t = NULL;
	size_t n = 0;

	if (o->f != NULL && !o->all)
		return;
	json_out_array(&o->j, "session_list");
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		TAILQ_FOREACH(t, &m->sessions->list[order[i]], entry) {
			if (n == 0)
				figure_put(o->f, "\n%-16s %-39s %-8s %10s "
				    "%10s %7s\n", "SESSION", "CLIENT",
				    "STATE", "PID", "FOR", "STORED");
			if (n++ < ipc_sessions_max)
				tell_session(t, o);
		}
	json_out_end(&o->j);
	json_out_bool(&o->j, "cut", n > ipc_sessions_max);
}

static void
tell_addresses(struct master *m, struct control_out *o)
{
	const struct address_host *top[ipc_addresses_max];
	int64_t now_ms = deadline_now_ms();
	uint64_t all = address_refused_count(m->book, now_ms);
	size_t max = o->f == NULL || o->all ? ipc_addresses_max :
	    top_addresses, n = 0;
	char text[address_host_bytes];

	json_out_u64(&o->j, "refused_addresses", all);
	json_out_array(&o->j, "addresses");
	for (int refused = 0; refused < 2; refused++) {
		n = address_top(m->book, now_ms, refused == 1, top, max);
		for (size_t i = 0; i < n; i++) {
			const uint64_t sessions = top[i]->sessions,
			    ms = top[i]->refused_until_ms == 0 ? 0 :
			    (uint64_t)(top[i]->refused_until_ms - now_ms);

			address_host_text(top[i], text);
			if (refused)
				line(o, "refused", "%s: for %s more", text,
				    figure_duration(ms));
			else if (sessions > 0)
				line(o, "addresses", "%s: %" PRIu64 " of %"
				    PRIu64 " sessions at most", text,
				    sessions, m->conf.limits.per_address);
			/* One that is busy and refused is listed once. */
			if (!refused && ms != 0)
				continue;
			json_out_object(&o->j, NULL);
			json_out_string(&o->j, "address", text);
			json_out_u64(&o->j, "sessions", sessions);
			json_out_parts(&o->j, "refused_seconds", ms, 1000);
			json_out_end(&o->j);
		}
	}
	json_out_end(&o->j);
	if (all > n)
		line(o, "refused", "%" PRIu64 " more", all - n);
}

static void
tell_disk(const struct master *m, struct control_out *o)
{
	static const char full[] = ": NO MAIL IS TAKEN";
	const struct conf_limits *l = &m->conf.limits;
	struct conf_room room;
	bool known = spool_room(m->spool, &room);

	json_out_object(&o->j, "disk");
	json_out_bool(&o->j, "mail_is_taken", known &&
	    spool_has_room(m->spool, l, 0));
	json_out_u64(&o->j, "reserve_bytes", l->disk_reserve_bytes);
	json_out_u64(&o->j, "reserve_inodes", l->inode_reserve);
	if (!known) {
		json_out_end(&o->j);
		line(o, "disk", "smtpd cannot ask how much is free: no mail "
		    "is taken");
		return;
	}
	json_out_u64(&o->j, "free_bytes", room.free_bytes);
	json_out_u64(&o->j, "total_bytes", room.total_bytes);
	json_out_u64(&o->j, "free_inodes", room.free_inodes);
	json_out_u64(&o->j, "total_inodes", room.total_inodes);
	json_out_end(&o->j);
	line(o, "disk", "%s free of %s, reserve %s%s",
	    figure_size(room.free_bytes), figure_size(room.total_bytes),
	    figure_size(l->disk_reserve_bytes),
	    room.free_bytes < l->disk_reserve_bytes ? full : "");
	if (room.total_inodes > 0)
		line(o, "disk", "%" PRIu64 " inodes free of %" PRIu64
		    ", reserve %" PRIu64 "%s", room.free_inodes,
		    room.total_inodes, l->inode_reserve,
		    room.free_inodes < l->inode_reserve ? full : "");
}

static bool
tell_stored(const struct master *m, struct control_out *o)
{
	const uint64_t *value = m->counters.value;
	const char *user = rates_user(), *address = rates_address();
	bool lacks = false;

	json_out_u64(&o->j, "messages_stored", value[COUNTER_STORED]);
	json_out_u64(&o->j, "stored_bytes", value[COUNTER_STORED_OCTETS]);
	line(o, "stored", "%" PRIu64 " message%s, %s, in %" PRIu64
	    " connection%s", value[COUNTER_STORED],
	    figure_plural(value[COUNTER_STORED]),
	    figure_size(value[COUNTER_STORED_OCTETS]),
	    value[COUNTER_ACCEPTED], figure_plural(value[COUNTER_ACCEPTED]));
	if (value[COUNTER_CRASHES] + value[COUNTER_ATTACKS] +
	    value[COUNTER_NURSERIES_LOST] > 0)
		line(o, "TROUBLE", "%" PRIu64 " workers crashed, %" PRIu64
		    " attacked, %" PRIu64 " nurseries lost: look at the log",
		    value[COUNTER_CRASHES], value[COUNTER_ATTACKS],
		    value[COUNTER_NURSERIES_LOST]);
	json_out_string(&o->j, "sends_too_much", user);
	json_out_string(&o->j, "relay_alarm", address);
	if (user[0] != '\0')
		line(o, "TROUBLE", "%s has sent too much within the last hour: "
		    "look for rate-limit in the log", shown(user));
	if (address[0] != '\0')
		line(o, "TROUBLE", "strangers may send mail through %s: look "
		    "for relay-alarm in the log", address);
	for (size_t i = 0; i < HELPER_COUNT; i++) {
		if (!helper_is_lacking(m, (enum helper_kind)i))
			continue;
		lacks = true;
		o->label = NULL;
		line(o, "TROUBLE", "the %s process is missing: %s",
		    helper_name((enum helper_kind)i),
		    m->helpers[i].role->then);
	}
	return !lacks;
}

static void
tell_rates(const struct master *m, const struct control_moment *then,
    struct control_out *o)
{
	static const struct {
		enum counter	 counter;
		const char	*word;
	} rates[] = {
		{ COUNTER_ACCEPTED, "connections" },
		{ COUNTER_STORED, "messages" },
		{ COUNTER_STORED_OCTETS, "octets" },
		{ COUNTER_RCPT_UNKNOWN, "unknown recipients" }
	};
	uint64_t ms = then->ms == 0 ? 0 :
	    (uint64_t)(deadline_now_ms() - then->ms), tenths;
	char storage[300];
	struct buf text = buf_over(storage, sizeof(storage));

	json_out_object(&o->j, "per_second");
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		tenths = ms == 0 ? 0 :
		    (m->counters.value[rates[i].counter] -
		    then->value[rates[i].counter]) * 10000 / ms;
		json_out_parts(&o->j, rates[i].word, tenths, 10);
		buf_print(&text, "%" PRIu64 ".%" PRIu64 " %s, ", tenths / 10,
		    tenths % 10, rates[i].word);
	}
	json_out_end(&o->j);
	if (then->ms != 0)
		line(o, "a second", "%sin the last %" PRIu64 " s",
		    buf_str(&text), (ms + 500) / 1000);
}

bool
control_status(struct master *m, const struct control_moment *then,
    struct control_out *o)
{
	bool fine;

	json_out_object(&o->j, NULL);
	tell_about(m, o);
	tell_listeners(m, o);
	tell_certificates(m, o);
	tell_processes(m, o);
	tell_sessions(m, o);
	tell_disk(m, o);
	fine = tell_stored(m, o);
	control_leaving(m, o);
	tell_rates(m, then, o);
	tell_addresses(m, o);
	list_sessions(m, o);
	json_out_end(&o->j);
	return fine;
}
