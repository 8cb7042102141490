/*
 * The master's end of the nurseries.  After start-up the master can neither
 * fork nor execute, so a nursery that dies is replaced by the one standing by,
 * which then forks the next.
 */
#include "server/process/nursery.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/process/feed.h"
#include "server/process/pool_worker.h"
#include "server/process/tls_files.h"
#include "shared/deadline.h"
#include "shared/ipc.h"

enum {
	breed_pause_ms = 30000,	/* before the next is asked for */
	records_max = 32,	/* in a turn */
	answer_patience_ms = 10000,
	settle_patience_ms = 60000	/* while it takes settings */
};

static void
fill_settings(const struct master *m, struct ipc_record *r)
{
	struct ipc_settings *s = &r->u.settings;
	const struct conf *conf = &m->conf;
	size_t host = strlen(conf->hostname);

	r->type = IPC_SETTINGS;
	s->tls_pairs = (uint8_t)m->tls->count;
	s->message_size_bytes = conf->limits.message_size_bytes;
	s->recipients = conf->limits.recipients;
	s->received = conf->limits.received;
	s->errors = conf->limits.errors;
	s->session_time_s = conf->limits.session_time_s;
	s->worker_sessions = conf->limits.worker_sessions;
	s->trace = conf->catcher ? IPC_TRACE_LIVE :
	    conf->keep_refused_s > 0 ? IPC_TRACE_KEEP : IPC_TRACE_NONE;
	s->sandbox_optional = m->unsandboxed;
	s->relays = m->conf.relay.line != 0;
	s->hostname_len = (uint8_t)host;
	memcpy(s->hostname, conf->hostname, host);
}

static bool
next_record(void *arg, struct ipc_record *r)
{
	struct nursery *n = arg;

	memset(r, 0, sizeof(*r));
	switch (n->due) {
	case NURSERY_FORGET:
		n->due = NURSERY_CERTIFICATES;
		r->type = IPC_FORGET;
		return true;
	case NURSERY_CERTIFICATES:
		if (tls_files_next(&n->telling, false, r))
			return true;
		/* FALLTHROUGH */
	case NURSERY_SETTINGS:
		n->due = NURSERY_TOLD;
		n->settings_due++;
		fill_settings(n->master, r);
		return true;
	case NURSERY_TOLD:
		break;
	}
	return false;
}

/* Sends the settings; what is being sent already is sent to its end. */
static void
tell(struct nursery *n, bool certificates)
{
	n->state = NURSERY_STARTING;
	if (certificates) {
		n->due = NURSERY_FORGET;
		n->telling = (struct tls_cursor){ .files = n->master->tls };
	} else if (n->due == NURSERY_TOLD)
		n->due = NURSERY_SETTINGS;
	feed_start(&n->feed);
}

static void
drop(struct nursery *n)
{
	if (n->state == NURSERY_NONE)
		return;
	event_del(&n->readable);
	feed_stop(&n->feed);
	close(n->channel);
	n->state = NURSERY_NONE;
}

static struct nursery *
other(const struct nursery *n)
{
	struct nursery *both = n->master->pool->nurseries;

	return &both[n == both];
}

/* A nursery has ended unasked, or has broken its contract. */
static void
lose(struct nursery *n, const char *why)
{
	struct master *m = n->master;
	struct pool *p = m->pool;
	struct nursery *spare = other(n);
	bool was_active = p->active == n;

	drop(n);
	if (p->starting != NULL)
		fatal("%s: %s", p->starting, why);
	if (was_active)
		/* A spare with a pid was ready, and is taking new settings. */
		p->active = spare->state == NURSERY_READY ||
		    (spare->state == NURSERY_STARTING && spare->pid != 0) ?
		    spare : NULL;
	m->counters.value[COUNTER_NURSERIES_LOST]++;
	log_put(LOG_LEVEL_ERROR, "nursery-lost", "why=%s then=%s", why,
	    p->active == NULL ? "none is left: ending" :
	    was_active ? "the one standing by has taken over" :
	    "another will stand by");
	if (p->active == NULL) {
		m->exit_status = 1;
		event_base_loopbreak(m->base);
		return;
	}
	pool_nursery_lost(n, was_active);
}

int
nursery_ask(struct nursery *n, struct ipc_record *r)
{
	if (n->asked_ms == 0)
		n->asked_ms = deadline_now_ms();
	return ipc_send(n->channel, r, -1, false);
}

void
nursery_tick(struct master *m)
{
	struct ipc_record r = { .type = IPC_BREED, .u.number.n = 'r' };
	const int64_t now = deadline_now_ms();
	struct pool *p = m->pool;

	for (size_t i = 0; i < nursery_count; i++) {
		struct nursery *n = &p->nurseries[i];

		if (n->state != NURSERY_NONE && n->asked_ms != 0 &&
		    now - n->asked_ms > (n->state == NURSERY_READY ?
		    answer_patience_ms : settle_patience_ms))
			lose(n, "it does not answer");
	}
	if (m->one_session || p->active == NULL ||
	    p->active->state != NURSERY_READY ||
	    other(p->active)->state != NURSERY_NONE || now < p->next_breed_ms)
		return;
	p->next_breed_ms = now + breed_pause_ms;
	if (ipc_send(p->active->channel, &r, -1, false) == 0)
		p->active->siblings_due++;
}

static void
on_ready(struct nursery *n, const struct ipc_record *r)
{
	struct pool *p = n->master->pool;

	/* Workers forked before the last READY have older settings. */
	if (--n->settings_due > 0 || n->due != NURSERY_TOLD)
		return;
	n->state = NURSERY_READY;
	memcpy(n->sandbox, r->u.text.text, sizeof(n->sandbox));
	n->pid = r->u.text.pid;
	if (p->active == NULL)
		p->active = n;
}

static void	adopt(struct master *m, struct nursery *n, int channel);

/*
 * NULL; or how n breaks its contract, and passed is still open.  passed is -1
 * where it should not be if this process may open no more.
 */
static const char *
on_record(struct nursery *n, const struct ipc_record *r, int passed)
{
	struct pool *p = n->master->pool;

	switch (r->type) {
	case IPC_READY:
		if (n->settings_due == 0)
			return "it is ready, and was not asked to be";
		on_ready(n, r);
		break;
	case IPC_UNSAFE:
		return r->u.text.text;
	case IPC_STALE:
		log_error("the nursery cannot execute itself, so new workers "
		    "have the layout of the one that crashed", NULL, 0);
		break;
	case IPC_SIBLING:
		if (n->siblings_due == 0)
			return "it tells of a nursery that was not asked for";
		n->siblings_due--;
		n->strangers++;
		if (passed != -1 && other(n)->state == NURSERY_NONE)
			adopt(n->master, other(n), passed);
		else if (passed != -1)
			close(passed);
		break;
	case IPC_NEWBORN:
		if (n != p->active || p->count[POOL_COMING] == 0)
			return "it tells of a worker that was not asked for";
		if (passed != -1)
			pool_newborn(n, r->u.pid.pid, passed,
			    n->state == NURSERY_READY);
		else {
			n->strangers++;
			pool_stillborn(n->master, 1, "no descriptor is left "
			    "for a worker's channel");
		}
		break;
	case IPC_STILLBORN:
		pool_stillborn(n->master, r->u.number.n,
		    "the nursery could not fork a worker");
		break;
	case IPC_DIED:
		if (!pool_died(n, r->u.died.pid, r->u.died.status))
			return "it tells of the end of a process that is no "
			    "child of it, or has ended before";
	}
	return NULL;
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct nursery *n = arg;
	const struct pool *p = n->master->pool;
	struct ipc_record r;
	enum ipc_got got;
	const char *why;
	int passed;

	for (int i = 0; i < records_max && n->state != NURSERY_NONE; i++) {
		why = p->starting == NULL ? "it has ended" :
		    "it ended at once; can it be executed?";
		got = ipc_recv(fd, IPC_FROM_NURSERY, IPC_AT_ANY, false, &r,
		    &passed, &why);
		if (got == IPC_GOT_NOTHING)
			return;
		if (got == IPC_GOT_ERROR)
			why = strerror(errno);
		else if (got == IPC_GOT_RECORD || got == IPC_GOT_NO_ROOM)
			why = on_record(n, &r, passed);
		if (why != NULL) {
			if (passed != -1)
				close(passed);
			lose(n, why);
		} else
			/* Does it still owe an answer? */
			n->asked_ms = n == p->active &&
			    p->count[POOL_COMING] > 0 ? deadline_now_ms() : 0;
	}
}

/* A nursery that was just started gets all settings. */
static void
adopt(struct master *m, struct nursery *n, int channel)
{
	*n = (struct nursery){ .master = m, .channel = channel };
	event_assign(&n->readable, m->base, channel, EV_READ | EV_PERSIST,
	    on_readable, n);
	event_add(&n->readable, NULL);
	/* No done(): if sending fails, the channel ends, too. */
	feed_init(&n->feed, m->base, channel, next_record, NULL, n);
	tell(n, true);
}

void
nursery_renew(struct master *m)
{
	struct ipc_record r = { .type = IPC_RENEW };
	struct pool *p = m->pool;

	/* A record still to be sent is meant for the current image. */
	if (p->active == NULL || p->active->feed.waits)
		return;
	if (ipc_send(p->active->channel, &r, -1, false) == -1)
		return;
	/* READY marks the first workers of the new image. */
	p->generation++;
	tell(p->active, true);
}

void
nursery_tell_settings(struct master *m, bool certificates)
{
	struct pool *p = m->pool;

	p->generation++;
	for (size_t i = 0; i < nursery_count; i++)
		if (p->nurseries[i].state != NURSERY_NONE)
			tell(&p->nurseries[i], certificates);
	pool_retire_idle(m);
}

void
nursery_start(struct master *m, const int channels[nursery_count])
{
	for (size_t i = 0; i < nursery_count; i++)
		if (channels[i] != -1)
			adopt(m, &m->pool->nurseries[i], channels[i]);
}

void
nursery_stop(struct master *m)
{
	for (size_t i = 0; i < nursery_count; i++)
		drop(&m->pool->nurseries[i]);
	m->pool->active = NULL;
}
