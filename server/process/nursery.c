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

/* Longer than helper.c waits for an answer, while it takes settings. */
enum { settle_patience_ms = 50000 };

/* In the order of their helpers. */
static struct nursery *
nursery_of(const struct helper *h)
{
	return &h->master->pool->nurseries[h -
	    &h->master->helpers[HELPER_NURSERY]];
}

/* An answer is due. */
static void
set_due(struct helper *h)
{
	h->due_ms = deadline_now_ms() +
	    (h->state == HELPER_SERVING ? 0 : settle_patience_ms);
}

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
	s->proved = m->proved;
	s->relays = m->conf.relay.line != 0;
	s->hostname_len = (uint8_t)host;
	memcpy(s->hostname, conf->hostname, host);
}

static bool
next(void *helper, struct ipc_record *r)
{
	struct nursery *n = nursery_of(helper);

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
		fill_settings(n->helper->master, r);
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
	if (n->helper->state == HELPER_SERVING)
		n->helper->state = HELPER_UNFED;
	set_due(n->helper);
	if (certificates) {
		n->due = NURSERY_FORGET;
		n->telling = (struct tls_cursor){
		    .files = n->helper->master->tls };
	} else if (n->due == NURSERY_TOLD)
		n->due = NURSERY_SETTINGS;
	feed_start(&n->helper->feed);
}

/* A nursery that was just started gets all settings. */
static void
begin(struct helper *h)
{
	struct nursery *n = nursery_of(h);

	*n = (struct nursery){ .helper = h };
	tell(n, true);
}

static void
end(struct helper *h, const char *why)
{
	struct nursery *n = nursery_of(h);
	struct master *m = h->master;
	struct pool *p = m->pool;
	const bool was_active = p->active == n, first = n == p->nurseries;

	/* A spare that is taking new settings was ready. */
	if (was_active)
		p->active = m->helpers[HELPER_NURSERY + first].state >=
		    HELPER_UNFED ? &p->nurseries[first] : NULL;
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
	if (n->helper->due_ms == 0)
		set_due(n->helper);
	return ipc_send(n->helper->channel, r, -1, false);
}

static void
on_ready(struct nursery *n, const struct ipc_record *r)
{
	struct helper *h = n->helper;
	struct pool *p = h->master->pool;

	/* Workers forked before the last READY have older settings. */
	if (--n->settings_due > 0 || n->due != NURSERY_TOLD)
		return;
	h->state = HELPER_SERVING;
	h->served = true;
	memcpy(h->sandbox, r->u.text.text, sizeof(h->sandbox));
	h->pid = r->u.text.pid;
	if (p->active == NULL)
		p->active = n;
}

static const char *
hear(struct helper *h, const struct ipc_record *r)
{
	struct nursery *n = nursery_of(h);
	struct pool *p = h->master->pool;

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
		return "it tells of a nursery that was not asked for";
	case IPC_NEWBORN:
		if (n != p->active || p->count[POOL_COMING] == 0)
			return "it tells of a worker that was not asked for";
		if (h->passed != -1)
			pool_newborn(n, r->u.pid.pid, h->passed,
			    h->state == HELPER_SERVING);
		else {
			h->strangers++;
			pool_stillborn(h->master, 1, "no descriptor is left "
			    "for a worker's channel");
		}
		h->passed = -1;
		break;
	case IPC_STILLBORN:
		pool_stillborn(h->master, r->u.number.n,
		    "the nursery could not fork a worker");
		break;
	case IPC_DIED:
		if (!pool_died(n, r->u.died.pid, r->u.died.status))
			return "it tells of the end of a process that is no "
			    "child of it, or has ended before";
	}
	/* Does it still owe an answer? */
	h->due_ms = 0;
	if (n->settings_due > 0 || n->due != NURSERY_TOLD ||
	    (n == p->active && p->count[POOL_COMING] > 0))
		set_due(h);
	return NULL;
}

const struct helper_role nursery_role = {
	.spare = true,		/* the other one has taken over */
	.next = next,
	.begin = begin,
	.hear = hear,
	.end = end
};

void
nursery_renew(struct master *m)
{
	struct ipc_record r = { .type = IPC_RENEW };
	struct pool *p = m->pool;

	/* A record still to be sent is meant for the current image. */
	if (p->active == NULL || p->active->helper->feed.waits)
		return;
	if (ipc_send(p->active->helper->channel, &r, -1, false) == -1)
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
		if (m->helpers[HELPER_NURSERY + i].channel != -1)
			tell(&p->nurseries[i], certificates);
	pool_retire_idle(m);
}
