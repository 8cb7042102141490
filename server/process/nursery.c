/*
 * What nurseries are told, and what their records mean.  One that dies is
 * replaced by the one standing by, which then forks the next.
 */

#include <string.h>

#include "server/process/feed.h"
#include "server/process/pool_worker.h"
#include "shared/deadline.h"

/* Longer than helper.c waits for an answer, while it takes settings. */
enum { settle_patience_ms = 50000 };

static struct told {
	struct tls_cursor	 certificates;
	bool			 due;		/* settings, after these */
	unsigned		 settings;	/* not answered by READY yet */
} nurseries[HELPER_ALL - HELPER_NURSERY];

static struct told *
told_of(const struct helper *h)
{
	return &nurseries[h - &h->master->helpers[HELPER_NURSERY]];
}

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
	strlcpy(s->hostname, conf->hostname, sizeof(s->hostname));
}

static bool
next(void *helper, struct ipc_record *r)
{
	struct helper *h = helper;
	struct told *t = told_of(h);

	memset(r, 0, sizeof(*r));
	if (!t->due || tls_files_next(&t->certificates, false, r))
		return t->due;
	t->due = false;
	t->settings++;
	fill_settings(h->master, r);
	return true;
}

static void
tell(struct helper *h)
{
	struct told *t = told_of(h);

	if (h->state == HELPER_SERVING)
		h->state = HELPER_UNFED;
	set_due(h);
	t->certificates = (struct tls_cursor){ .files = h->master->tls };
	t->due = true;
	feed_start(&h->feed);
}

static void
begin(struct helper *h)
{
	told_of(h)->settings = 0;
	tell(h);
}

static void
end(struct helper *h, const char *why)
{
	struct master *m = h->master;
	struct pool *p = m->pool;
	const bool was_active = p->active == h;
	struct helper *first = &m->helpers[HELPER_NURSERY];
	struct helper *other = h == first ? first + 1 : first;

	/* One that is taking new settings has served. */
	if (was_active)
		p->active = other->state >= HELPER_UNFED ? other : NULL;
	log_put(LOG_LEVEL_ERROR, "nursery-lost", "why=%s then=%s", why,
	    p->active == NULL ? "none is left: ending" :
	    was_active ? "the one standing by has taken over" :
	    "another will stand by");
	if (p->active == NULL) {
		m->exit_status = 1;
		event_base_loopbreak(m->base);
		return;
	}
	pool_nursery_lost(h, was_active);
}

int
nursery_ask(struct helper *n, struct ipc_record *r)
{
	if (n->due_ms == 0)
		set_due(n);
	return feed_send(&n->feed, r, -1);
}

static void
on_ready(struct helper *h, const struct ipc_record *r)
{
	struct told *t = told_of(h);
	struct pool *p = h->master->pool;

	/* Workers forked before the last READY have older settings. */
	if (--t->settings > 0 || t->due)
		return;
	h->state = HELPER_SERVING;
	h->served = true;
	memcpy(h->sandbox, r->u.text.text, sizeof(h->sandbox));
	h->pid = r->u.text.pid;
	if (p->active == NULL)
		p->active = h;
}

static const char *
hear(struct helper *h, const struct ipc_record *r)
{
	const struct told *t = told_of(h);
	struct pool *p = h->master->pool;

	switch (r->type) {
	case IPC_READY:
		if (t->settings == 0)
			return "it is ready, and was not asked to be";
		on_ready(h, r);
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
	case IPC_TYPE_COUNT:
		/* A lost record (ipc.h) counts as one, even a nursery's. */
		if (r->type == IPC_NEWBORN && (h != p->active ||
		    (p->count[POOL_COMING] == 0 && h->bred_due-- == 0)))
			return "it tells of a worker that was not asked for";
		if (h->passed != -1)
			pool_newborn(h, r->u.child.pid, h->passed,
			    h->state == HELPER_SERVING);
		else {
			h->strangers++;
			pool_stillborn(h->master, "no descriptor is left for "
			    "a worker's channel");
		}
		h->passed = -1;
		break;
	case IPC_STILLBORN:
		pool_stillborn(h->master, "the nursery could not fork a "
		    "worker");
		break;
	case IPC_DIED:
		if (!pool_died(h, r->u.child.pid, r->u.child.status))
			return "it tells of the end of a process that is no "
			    "child of it, or has ended before";
	}
	/* Does it still owe an answer? */
	h->due_ms = 0;
	if (t->settings > 0 || t->due ||
	    (h == p->active && p->count[POOL_COMING] > 0))
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
	if (p->active == NULL || p->active->feed.waits)
		return;
	if (feed_send(&p->active->feed, &r, -1) == -1)
		return;
	/* READY marks the first workers of the new image. */
	p->generation++;
	tell(p->active);
}

void
nursery_tell_settings(struct master *m)
{
	struct pool *p = m->pool;

	p->generation++;
	for (size_t i = HELPER_NURSERY; i < HELPER_ALL; i++)
		if (m->helpers[i].state >= HELPER_STARTING)
			tell(&m->helpers[i]);
	pool_retire_idle(m);
}
