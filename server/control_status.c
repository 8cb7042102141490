/*
 * The state of the master, as records.  A snapshot: all of it is written
 * down within one turn of the loop.
 */
#include "server/control_status.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/listen.h"
#include "shared/deadline.h"
#include "shared/log.h"

static struct ipc_record
record(enum ipc_type type)
{
	struct ipc_record r;

	memset(&r, 0, sizeof(r));
	r.type = type;
	return r;
}

static uint64_t
age_ms(int64_t since_ms)
{
	return (uint64_t)(deadline_now_ms() - since_ms);
}

static void
tell_path(struct control_answer *a, enum ipc_path_of of, const char *path)
{
	struct ipc_record r = record(IPC_TELL_PATH);

	r.u.tell_path.of = of;
	snprintf(r.u.tell_path.path, sizeof(r.u.tell_path.path), "%s", path);
	control_answer_put(a, &r);
}

void
control_about(const struct master *m, struct control_answer *a)
{
	struct ipc_record r = record(IPC_TELL_ABOUT);
	struct ipc_tell_about *t = &r.u.tell_about;

	t->now_s = time(NULL);
	t->uptime_ms = age_ms(m->start_ms);
	t->counters = COUNTER_COUNT;
	t->pid = getpid();
	snprintf(t->version, sizeof(t->version), "%s", SMTPD_VERSION);
	snprintf(t->hostname, sizeof(t->hostname), "%s", m->conf.hostname);
	control_answer_put(a, &r);
	tell_path(a, PATH_CONF, m->conf.path == NULL ? "" : m->conf.path);
	tell_path(a, PATH_ROOT, m->conf.root);
}

static void
tell_listens(const struct master *m, struct control_answer *a)
{
	for (size_t i = 0; i < m->listener_count; i++) {
		struct ipc_record r = record(IPC_TELL_LISTEN);
		struct address where;

		if (!listen_address(m->listeners[i].fd, &where))
			continue;
		r.u.tell_listen.port = where.port;
		memcpy(r.u.tell_listen.address, where.text,
		    sizeof(where.text));
		control_answer_put(a, &r);
	}
}

static void
tell_certificates(const struct master *m, struct control_answer *a)
{
	for (size_t i = 0; i < m->tls->count && i < m->conf.pair_count; i++) {
		struct ipc_record r = record(IPC_TELL_CERTIFICATE);
		struct ipc_tell_certificate *t = &r.u.tell_certificate;
		const struct ipc_judged *facts = &m->tls->pairs[i].facts;

		t->until_s = facts->until_s;
		snprintf(t->name, sizeof(t->name), "%s", facts->name);
		snprintf(t->file, sizeof(t->file), "%s",
		    m->conf.pairs[i].certificate);
		control_answer_put(a, &r);
	}
}

static void
tell_process(struct control_answer *a, const struct ipc_tell_process *p,
    const char *held)
{
	struct ipc_record r = record(IPC_TELL_PROCESS);

	r.u.tell_process = *p;
	snprintf(r.u.tell_process.held, sizeof(r.u.tell_process.held), "%s",
	    held);
	control_answer_put(a, &r);
}

static enum ipc_state
nursery_state_of(const struct master *m, const struct nursery *n)
{
	if (n->state == NURSERY_STARTING)
		return STATE_STARTING;
	return n == m->pool.active ? STATE_SERVING : STATE_STANDBY;
}

static void
tell_signer(const struct master *m, struct control_answer *a)
{
	struct ipc_tell_process p = { .pid = m->signer.process.pid,
	    .uid = geteuid(), .role = ROLE_SIGN, .state = STATE_SERVING };

	if (m->signer.channel != -1)
		tell_process(a, &p, m->signer.process.sandbox);
}

static void
tell_auth(const struct master *m, struct control_answer *a)
{
	struct ipc_tell_process p = { .pid = m->auth.process.pid,
	    .uid = geteuid(), .role = ROLE_AUTH, .state = STATE_SERVING };

	if (m->auth.channel != -1)
		tell_process(a, &p, m->auth.process.sandbox);
}

static void
tell_owners(const struct master *m, struct control_answer *a)
{
	struct ipc_tell_process p = { .pid = getpid(), .uid = geteuid(),
	    .role = ROLE_MASTER, .age_ms = age_ms(m->start_ms),
	    .state = m->stopping ? STATE_STOPPING : STATE_SERVING };

	tell_process(a, &p, m->sandbox);
	for (size_t i = 0; i < nursery_count; i++) {
		const struct nursery *n = &m->pool.nurseries[i];

		if (n->state == NURSERY_NONE)
			continue;
		p = (struct ipc_tell_process){ .pid = n->pid,
		    .uid = m->worker_uid, .role = ROLE_NURSERY,
		    .state = nursery_state_of(m, n) };
		tell_process(a, &p, n->sandbox);
	}
	tell_signer(m, a);
	tell_auth(m, a);
}

static enum ipc_state
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

/* At most max of them; the busy ones tell with their session, too. */
static void
tell_workers(const struct master *m, struct control_answer *a, uint32_t max)
{
	struct ipc_tell_process p = { .uid = m->worker_uid,
	    .role = ROLE_WORKER };
	const struct worker *w;
	const struct worker_list *const lists[] = { &m->pool.busy,
	    &m->pool.idle, &m->pool.leaving };

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		TAILQ_FOREACH(w, lists[i], entry) {
			if (max-- == 0)
				return;
			p.pid = w->pid;
			p.state = i == 0 ? session_state(w) : i == 1 ?
			    STATE_SPARE : STATE_LEAVING;
			tell_process(a, &p, w->nursery->sandbox);
		}
	}
}

static void
tell_session(struct control_answer *a, const struct session *s, pid_t pid,
    enum ipc_state state)
{
	struct ipc_record r = record(IPC_TELL_SESSION);
	struct ipc_tell_session *t = &r.u.tell_session;

	t->pid = pid;
	t->state = state;
	t->age_ms = age_ms(s->start_ms);
	t->stored = s->stored;
	t->stored_bytes = s->stored_bytes;
	t->port = s->client.port;
	memcpy(t->id, s->id, sizeof(t->id));
	memcpy(t->client, s->client.text, sizeof(s->client.text));
	control_answer_put(a, &r);
}

static void
tell_sessions(const struct master *m, struct control_answer *a, uint32_t max)
{
	const struct session *s;
	const struct worker *w;

	TAILQ_FOREACH(w, &m->pool.busy, entry) {
		if (max-- == 0)
			return;
		tell_session(a, w->session, w->pid, session_state(w));
	}
	TAILQ_FOREACH(s, &m->pool.pending, entry) {
		if (max-- == 0)
			return;
		tell_session(a, s, 0, STATE_WAITING);
	}
	TAILQ_FOREACH(s, &m->greeting, entry) {
		if (max-- == 0)
			return;
		tell_session(a, s, 0, STATE_GREETING);
	}
}

static void
tell_addresses(struct master *m, struct control_answer *a, uint32_t max)
{
	struct address_note notes[ipc_addresses_max];
	int64_t now_ms = deadline_now_ms();

	for (int refused = 0; refused < 2; refused++) {
		size_t n = address_top(m->book, now_ms, refused == 1, notes,
		    max);

		for (size_t i = 0; i < n; i++) {
			struct ipc_record r = record(IPC_TELL_ADDRESS);
			struct ipc_tell_address *t = &r.u.tell_address;

			t->sessions = notes[i].sessions;
			t->refused_ms = notes[i].refused_ms;
			memcpy(t->address, notes[i].text,
			    sizeof(notes[i].text));
			/* One that is both is told once. */
			if (refused == 1 || t->refused_ms == 0)
				control_answer_put(a, &r);
		}
	}
}

static void
tell_pool(struct master *m, struct control_answer *a)
{
	struct ipc_record r = record(IPC_TELL_POOL);
	struct ipc_tell_pool *t = &r.u.tell_pool;
	const struct pool *p = &m->pool;
	const struct worker *w;

	TAILQ_FOREACH(w, &p->busy, entry) {
		t->sessions[session_state(w)]++;
	}
	t->sessions[STATE_WAITING] = p->pending_count;
	t->sessions[STATE_GREETING] = m->greeting_count;
	t->idle = p->idle_count;
	t->busy = p->busy_count;
	t->spare = p->spare;
	t->coming = p->coming;
	t->leaving = p->leaving_count;
	t->max = m->conf.limits.workers;
	t->per_address = m->conf.limits.per_address;
	t->refused = address_refused_count(m->book, deadline_now_ms());
	control_answer_put(a, &r);
}

static void
tell_disk(const struct master *m, struct control_answer *a)
{
	struct ipc_record r = record(IPC_TELL_DISK);
	struct ipc_tell_disk *t = &r.u.tell_disk;
	struct spool_room room;

	t->reserve_bytes = m->conf.limits.disk_reserve_bytes;
	t->reserve_inodes = m->conf.limits.inode_reserve;
	if (spool_room(&m->spool, &room)) {
		t->known = 1;
		t->total_bytes = room.total_bytes;
		t->free_bytes = room.free_bytes;
		t->total_inodes = room.total_inodes;
		t->free_inodes = room.free_inodes;
	}
	control_answer_put(a, &r);
}

static void
tell_counts(const struct master *m, struct control_answer *a)
{
	for (uint32_t i = 0; i < COUNTER_COUNT; i++) {
		struct ipc_record r = record(IPC_TELL_COUNT);

		r.u.tell_count.which = i;
		r.u.tell_count.value = i == COUNTER_LOG_LOST ? log_lost() :
		    m->counters.value[i];
		control_answer_put(a, &r);
	}
}

static void
tell_buckets(const struct master *m, struct control_answer *a)
{
	for (uint32_t h = 0; h < HISTOGRAM_COUNT; h++) {
		const struct histogram_values *values =
		    &m->counters.histogram[h];
		struct ipc_record r = record(IPC_TELL_BUCKET);

		r.u.tell_bucket.which = h;
		for (uint32_t i = 0; i <= histogram_buckets_max; i++) {
			r.u.tell_bucket.bucket = i;
			r.u.tell_bucket.value = values->bucket[i];
			control_answer_put(a, &r);
		}
		r.u.tell_bucket.bucket = UINT32_MAX;
		r.u.tell_bucket.value = values->sum;
		control_answer_put(a, &r);
	}
}

static void
tell_figures(struct master *m, struct control_answer *a)
{
	tell_pool(m, a);
	tell_disk(m, a);
	tell_counts(m, a);
}

void
control_status(struct master *m, const struct ipc_ask_status *ask,
    struct control_answer *a)
{
	control_about(m, a);
	tell_figures(m, a);
	tell_listens(m, a);
	tell_certificates(m, a);
	tell_owners(m, a);
	tell_addresses(m, a, ask->addresses_max);
	tell_sessions(m, a, ask->sessions_max);
	tell_workers(m, a, ask->sessions_max);
}

void
control_stats(struct master *m, struct control_answer *a)
{
	control_about(m, a);
	tell_figures(m, a);
	tell_buckets(m, a);
}
