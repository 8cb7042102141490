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

/* A nursery that cannot start is not tried again all the time. */
enum {
	breed_pause_ms = 30000,
	answer_patience_ms = 10000,
	settle_patience_ms = 60000	/* while it takes settings */
};

static void	on_nursery(evutil_socket_t fd, short what, void *arg);

/* What is still to be sent to a nursery, in this order. */
enum tell {
	TELL_FORGET = 1 << 0,		/* certificates that it does not use */
	TELL_CERTIFICATES = 1 << 1,
	TELL_TRY = 1 << 2,		/* can those be served? */
	TELL_SETTINGS = 1 << 3,		/* new settings; answered by READY */
	TELL_TRIAL = TELL_FORGET | TELL_CERTIFICATES | TELL_TRY,
	TELL_ALL = TELL_TRIAL | TELL_SETTINGS
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
	s->proved = m->proved;
	s->hostname_len = (uint8_t)host;
	memcpy(s->hostname, conf->hostname, host);
}

static bool
next_record(void *arg, struct ipc_record *r)
{
	struct nursery *n = arg;

	memset(r, 0, sizeof(*r));
	if (n->due & TELL_FORGET) {
		n->due &= ~(unsigned)TELL_FORGET;
		r->type = IPC_FORGET;
		return true;
	}
	if ((n->due & TELL_CERTIFICATES) &&
	    tls_files_next(&n->telling, false, r))
		return true;
	n->due &= ~(unsigned)TELL_CERTIFICATES;
	if (n->due & TELL_TRY) {
		n->due &= ~(unsigned)TELL_TRY;
		n->tries_due++;
		r->type = IPC_TRY;
		r->u.number.n = (uint32_t)n->telling.files->count;
		return true;
	}
	if (n->due & TELL_SETTINGS) {
		n->due &= ~(unsigned)TELL_SETTINGS;
		n->settings_due++;
		fill_settings(n->master, r);
		return true;
	}
	return false;
}

/* Anything but settings that was not sent yet is replaced by what. */
static void
tell(struct nursery *n, unsigned what, const struct tls_files *files)
{
	n->due = what | (n->due & TELL_SETTINGS);
	n->telling = (struct tls_cursor){ .files = files };
	if (what & TELL_SETTINGS)
		n->state = NURSERY_STARTING;
	feed_start(&n->feed);
}

static void
adopt(struct master *m, struct nursery *n, int channel)
{
	*n = (struct nursery){ .master = m, .channel = channel,
	    .state = NURSERY_STARTING };
	event_assign(&n->readable, m->base, channel, EV_READ | EV_PERSIST,
	    on_nursery, n);
	event_add(&n->readable, NULL);
	/* No done(): if sending fails, the channel ends, too. */
	feed_init(&n->feed, m->base, channel, next_record, NULL, n);
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
other(struct master *m, const struct nursery *n)
{
	return n == &m->pool->nurseries[0] ? &m->pool->nurseries[1] :
	    &m->pool->nurseries[0];
}

/* The certificates that n tries are lost with n, or with its image. */
static void
untried(struct nursery *n)
{
	if (n->master->pool->trying == n)
		n->master->pool->trying = NULL;
}

/* Only a nursery that has taken all settings can try certificates. */
static void
begin_trial(struct pool *p)
{
	if (p->trial == NULL || p->trying != NULL || p->active == NULL ||
	    p->active->state != NURSERY_READY)
		return;
	p->trying = p->active;
	tell(p->trying, TELL_TRIAL, p->trial);
}

/* A nursery has ended unasked, or has broken its contract. */
static void
lost(struct nursery *n, const char *why)
{
	struct master *m = n->master;
	struct nursery *spare = other(m, n);
	bool was_active = m->pool->active == n;
	struct log_line l;

	drop(n);
	if (!m->pool->started) {
		snprintf(m->pool->failed, sizeof(m->pool->failed), "%s", why);
		return;
	}
	untried(n);
	if (was_active)
		/* A spare with a pid was ready, and is taking new settings. */
		m->pool->active = spare->state == NURSERY_READY ||
		    (spare->state == NURSERY_STARTING && spare->pid != 0) ?
		    spare : NULL;
	m->counters.value[COUNTER_NURSERIES_LOST]++;
	log_begin(&l, LOG_LEVEL_ERROR, "nursery-lost");
	log_str(&l, "why", why);
	log_str(&l, "then", m->pool->active == NULL ? "none is left: ending" :
	    was_active ? "the one standing by has taken over" :
	    "another will stand by");
	log_end(&l);
	if (m->pool->active == NULL) {
		m->exit_status = 1;
		event_base_loopbreak(m->base);
	} else {
		pool_nursery_lost(n, was_active);
		begin_trial(m->pool);
	}
}

int
nursery_ask(struct nursery *n, struct ipc_record *r)
{
	if (n->asked_ms == 0)
		n->asked_ms = deadline_now_ms();
	return ipc_send(n->channel, r, -1, false);
}

static void
breed(struct master *m)
{
	struct ipc_record r = { .type = IPC_BREED, .u.number.n = 'r' };
	struct pool *p = m->pool;

	if (m->one_session || p->active == NULL ||
	    p->active->state != NURSERY_READY ||
	    other(m, p->active)->state != NURSERY_NONE ||
	    deadline_now_ms() < p->next_breed_ms)
		return;
	p->next_breed_ms = deadline_now_ms() + breed_pause_ms;
	if (ipc_send(p->active->channel, &r, -1, false) == 0)
		p->active->siblings_due++;
}

void
nursery_tick(struct master *m)
{
	for (size_t i = 0; i < nursery_count; i++) {
		struct nursery *n = &m->pool->nurseries[i];
		int64_t patience_ms = n->state == NURSERY_READY ?
		    answer_patience_ms : settle_patience_ms;

		if (n->state != NURSERY_NONE && n->asked_ms != 0 &&
		    deadline_now_ms() - n->asked_ms > patience_ms)
			lost(n, "it does not answer");
	}
	breed(m);
}

static void
on_ready(struct nursery *n, const struct ipc_record *r)
{
	struct pool *p = n->master->pool;

	/* Workers forked before the last READY have older settings. */
	if (--n->settings_due > 0 || (n->due & TELL_SETTINGS))
		return;
	/* A new image tries nothing: it takes certificates or ends. */
	n->tries_due = 0;
	n->state = NURSERY_READY;
	memcpy(n->sandbox, r->u.text.text, sizeof(n->sandbox));
	n->pid = r->u.text.pid;
	if (p->active == NULL)
		p->active = n;
	if (p->active == n)
		begin_trial(p);
}

/*
 * n has tried certificates: for a renewal; or those that are served already,
 * and then a nursery that cannot load them is lost.
 */
static void
on_tried(struct nursery *n, const char *why_not)
{
	struct pool *p = n->master->pool;
	bool last = n->tries_due <= 1;

	if (n->tries_due > 0)
		n->tries_due--;
	if (last && n == p->trying) {
		/* After a failure n still has to forget them. */
		if (why_not[0] == '\0') {
			p->trial = NULL;
			p->trying = NULL;
		}
		p->tried(n->master, why_not);
	} else if (last && n->telling.files == n->master->tls &&
	    why_not[0] != '\0')
		lost(n, why_not);
}

static void
on_sibling(struct nursery *n, int channel)
{
	struct nursery *place = other(n->master, n);

	n->siblings_due--;
	n->strangers++;
	if (place->state == NURSERY_NONE) {
		adopt(n->master, place, channel);
		tell(place, TELL_ALL, n->master->tls);
	} else
		close(channel);
}

/* How n breaks its contract, where r answers nothing; else NULL. */
static const char *
why_unasked(const struct nursery *n, const struct ipc_record *r)
{
	const struct pool *p = n->master->pool;

	if (r->type == IPC_READY && n->settings_due == 0)
		return "it is ready, and was not asked to be";
	if (r->type == IPC_SIBLING && n->siblings_due == 0)
		return "it tells of a nursery that was not asked for";
	if (r->type == IPC_NEWBORN && (n != p->active || p->count.coming == 0))
		return "it tells of a worker that was not asked for";
	return NULL;
}

static void
on_record(struct nursery *n, const struct ipc_record *r, int passed)
{
	const char *unasked = why_unasked(n, r);

	if (unasked != NULL) {
		if (passed != -1)
			close(passed);
		lost(n, unasked);
	} else if (r->type == IPC_READY)
		on_ready(n, r);
	else if (r->type == IPC_TRIED)
		on_tried(n, r->u.text.text);
	else if (r->type == IPC_UNSAFE)
		lost(n, r->u.text.text);
	else if (r->type == IPC_STALE)
		log_error("the nursery cannot execute itself, so new workers "
		    "have the layout of the one that crashed", NULL, 0);
	else if (r->type == IPC_SIBLING)
		on_sibling(n, passed);
	else if (r->type == IPC_NEWBORN)
		pool_newborn(n, r->u.pid.pid, passed,
		    n->state == NURSERY_READY);
	else if (r->type == IPC_STILLBORN)
		pool_stillborn(n->master, r->u.number.n,
		    "the nursery could not fork a worker");
	else if (r->type == IPC_DIED &&
	    !pool_died(n, r->u.died.pid, r->u.died.status))
		lost(n, "it tells of the end of a process that is no child of "
		    "it, or has ended before");
}

/* The descriptor of a record is lost: this process may open no more. */
static void
on_no_room(struct nursery *n, const struct ipc_record *r)
{
	n->strangers++;
	if (r->type == IPC_SIBLING && n->siblings_due > 0)
		n->siblings_due--;
	if (r->type == IPC_NEWBORN)
		pool_stillborn(n->master, 1, "no descriptor is left for a "
		    "worker's channel");
}

static void
on_nursery(evutil_socket_t fd, short what, void *arg)
{
	struct nursery *n = arg;
	const struct pool *p = n->master->pool;
	struct ipc_record r;
	enum ipc_got got;
	const char *why;
	int passed;

	(void)what;
	for (int i = 0; i < 32 && n->state != NURSERY_NONE; i++) {
		why = p->started ? "it has ended" :
		    "it ended at once; can it be executed?";
		got = ipc_recv(fd, IPC_FROM_NURSERY, IPC_AT_ANY, false, &r,
		    &passed, &why);
		if (got == IPC_GOT_NOTHING)
			return;
		if (got == IPC_GOT_RECORD) {
			on_record(n, &r, passed);
			/* Does it still owe an answer? */
			n->asked_ms = n == p->active && p->count.coming > 0 ?
			    deadline_now_ms() : 0;
		} else if (got == IPC_GOT_NO_ROOM)
			on_no_room(n, &r);
		else
			lost(n, got == IPC_GOT_ERROR ? strerror(errno) : why);
	}
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
	untried(p->active);
	tell(p->active, TELL_ALL, m->tls);
}

void
nursery_tell_settings(struct master *m, bool certificates)
{
	struct pool *p = m->pool;
	unsigned what = certificates ? TELL_ALL : TELL_FORGET | TELL_SETTINGS;

	p->generation++;
	for (size_t i = 0; i < nursery_count; i++) {
		struct nursery *n = &p->nurseries[i];

		if (n->state == NURSERY_NONE)
			continue;
		/* What is being sent already is sent to its end. */
		if (!certificates && (n->due & TELL_SETTINGS))
			n->state = NURSERY_STARTING;
		else
			tell(n, what, certificates ? m->tls : NULL);
	}
	pool_retire_idle(m);
}

void
nursery_try(struct master *m, const struct tls_files *files,
    nursery_tried *tried)
{
	struct pool *p = m->pool;

	if (files == NULL && p->trying != NULL) {
		tell(p->trying, TELL_FORGET, NULL);
		p->trying = NULL;
	}
	p->trial = files;
	p->tried = tried;
	begin_trial(p);
}

void
nursery_start(struct master *m, const int channels[nursery_count])
{
	for (size_t i = 0; i < nursery_count; i++)
		if (channels[i] != -1) {
			adopt(m, &m->pool->nurseries[i], channels[i]);
			tell(&m->pool->nurseries[i], TELL_ALL, m->tls);
		}
}

static bool
is_starting(const struct pool *p)
{
	return p->nurseries[0].state == NURSERY_STARTING ||
	    p->nurseries[1].state == NURSERY_STARTING;
}

int
nursery_wait(struct master *m, const char **why)
{
	struct pool *p = m->pool;
	int64_t until = deadline_now_ms() + answer_patience_ms;

	*why = p->failed;
	/* The timer of the log ends a turn each second. */
	while (p->failed[0] == '\0' && is_starting(p) &&
	    deadline_now_ms() < until)
		event_base_loop(m->base, EVLOOP_ONCE);
	if (p->failed[0] != '\0')
		return -1;
	*why = "it says nothing";
	p->started = !is_starting(p);
	return p->started ? 0 : -1;
}

void
nursery_stop(struct master *m)
{
	for (size_t i = 0; i < nursery_count; i++)
		drop(&m->pool->nurseries[i]);
	m->pool->active = NULL;
}
