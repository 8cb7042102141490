/* The life of helpers and nurseries: start, records, loss and new start. */
#include "server/process/helper.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/master.h"
#include "server/process/tls_files.h"
#include "shared/deadline.h"
#include "shared/file.h"
#include "shared/log.h"

enum {
	start_patience_ms = 10000,
	patience_ms = 10000,	/* while an answer is due */
	records_max = 32,	/* of one helper in a turn */
	short_life_ms = 2000,
	pause_max_s = 64
};

static const struct helper_role keeper_role = {
	.then = "a helper that is lost next cannot be started again, "
	    "and ends smtpd: restart it when that suits"
};

#define HELPER_ROW(X, NAME, name, option, Name)				\
	[HELPER_##NAME] = { #name, option, IPC_FROM_##NAME,		\
	    COUNTER_##NAME##_LOST, &name##_role },
static const struct row {
	const char			*name;
	char				 option;
	enum ipc_way			 way;		/* of its records */
	enum counter			 losses;
	const struct helper_role	*role;
} rows[HELPER_ALL] = {
	[HELPER_KEEPER] = { "keeper", helper_keeper_option,
	    IPC_FROM_NURSERY, COUNTER_KEEPER_LOST, &keeper_role },
	HELPERS(HELPER_ROW, )
	[HELPER_NURSERY] = { "nursery", helper_nursery_option,
	    IPC_FROM_NURSERY, COUNTER_NURSERIES_LOST, &nursery_role },
	[HELPER_STANDBY] = { "nursery", helper_nursery_option,
	    IPC_FROM_NURSERY, COUNTER_NURSERIES_LOST, &nursery_role }
};
#undef HELPER_ROW

static const char *program;	/* what all of them execute */

const char *
helper_name(enum helper_kind kind)
{
	return rows[kind].name;
}

char
helper_option(enum helper_kind kind)
{
	return rows[kind].option;
}

bool
helper_is_wanted(const struct master *m, enum helper_kind kind)
{
	const bool stays = !m->one_session;

	switch (kind) {
	case HELPER_KEEPER:
		for (kind = HELPER_KEEPER + 1; kind < HELPER_COUNT; kind++)
			if (stays && helper_is_wanted(m, kind))
				return true;
		return false;
	case HELPER_SIGN:
		return m->tls->count > 0;
	case HELPER_AUTH:
		return m->wants_logins;
	case HELPER_DISK:
		return stays && !m->conf.catcher;
	case HELPER_LOGGER:
		return stays && m->conf.log == CONF_LOG_FILE;
	case HELPER_DIAL:
		return stays && !m->conf.catcher && m->conf.relay.line != 0;
	case HELPER_NURSERY:
		return true;
	case HELPER_STANDBY:
		return stays;
	case HELPER_ALL:
		break;
	}
	return false;
}

static enum helper_kind
kind_of(const struct helper *h)
{
	return (enum helper_kind)(h - h->master->helpers);
}

static void
set_state(struct helper *h, enum helper_state state)
{
	h->state = state;
	h->since_ms = deadline_now_ms();
}

static void
drop(struct helper *h)
{
	if (h->channel != -1) {
		event_del(&h->readable);
		feed_stop(&h->feed);
		close(h->channel);
	}
	h->channel = -1;
	h->pid = 0;
	h->due_ms = 0;
	h->bred_due = h->strangers = 0;
}

/* False: no keeper, or other nursery, is there to start it. */
static bool
start_again(struct helper *h)
{
	const enum helper_kind kind = kind_of(h);
	struct helper *k = &h->master->helpers[kind == HELPER_NURSERY ?
	    HELPER_STANDBY : kind == HELPER_STANDBY ? HELPER_NURSERY :
	    HELPER_KEEPER];
	struct ipc_record r = { .type = IPC_BREED,
	    .u.number.n = (uint8_t)helper_option(kind) };

	if (k->state != HELPER_SERVING)
		return false;
	/* If not sent: the keeper has ended, or a later tick tries again. */
	if (feed_send(&k->feed, &r, -1) == 0) {
		set_state(h, HELPER_COMING);
		k->bred_due++;
	}
	return true;
}

static void
log_loss(const struct helper *h, const char *why, const char *then)
{
	log_put(LOG_LEVEL_ERROR, "helper-lost", "helper=%s why=%s then=%s",
	    helper_name(kind_of(h)), why, then);
}

/* Shuts down in order, so that a service manager starts smtpd again. */
static void
end_smtpd(struct helper *h, const char *why)
{
	log_loss(h, why, "it cannot be started again: smtpd ends with 1");
	h->role->lost(h->master, false);
	drop(h);
	h->again_ms = INT64_MAX;
	h->master->exit_status = 1;
	h->master->shut_down(h->master);
}

void
helper_lose(struct master *m, enum helper_kind kind, const char *why,
    bool for_good)
{
	struct helper *h = &m->helpers[kind];
	const bool kept = m->helpers[HELPER_KEEPER].state == HELPER_SERVING;
	const int64_t now = deadline_now_ms();
	char then[160];
	bool first;

	if (h->state <= HELPER_LOST)
		return;
	if (!h->served)
		fatal("%s: %s process: %s", program,
		    rows[kind].name, why);
	first = m->counters.value[rows[kind].losses]++ == 0;
	h->pause_s = first || now - h->since_ms >= short_life_ms ? 0 :
	    h->pause_s == 0 ? 1 : h->pause_s < pause_max_s ?
	    2 * h->pause_s : pause_max_s;
	h->again_ms = now + (int64_t)h->pause_s * 1000;
	set_state(h, HELPER_LOST);
	if (h->role->end != NULL) {
		h->role->end(h, why);
		drop(h);
		return;
	}
	if (kind == HELPER_KEEPER) {
		log_loss(h, why, h->role->then);
		drop(h);
		return;
	}
	if (for_good || (!kept && !h->role->spare)) {
		end_smtpd(h, why);
		return;
	}
	if (kept)
		snprintf(then, sizeof(then), "it is started again%s%.0u%s; "
		    "until then %s", h->pause_s == 0 ? "" : " in ",
		    h->pause_s, h->pause_s == 0 ? "" : " s", h->role->then);
	else
		snprintf(then, sizeof(then), "nothing can start it again, for "
		    "the keeper has ended: %s", h->role->then);
	log_loss(h, why, then);
	h->role->lost(m, kept && h->pause_s == 0);
	drop(h);
	if (h->pause_s == 0)
		(void)start_again(h);
}

static void	on_readable(evutil_socket_t fd, short what, void *arg);

static void
watch(struct helper *h, int channel)
{
	h->channel = channel;
	set_state(h, HELPER_STARTING);
	event_assign(&h->readable, h->master->base, h->channel,
	    EV_READ | EV_PERSIST, on_readable, h);
	event_add(&h->readable, NULL);
	/* No done(): if sending fails, the channel ends, too. */
	feed_init(&h->feed, h->master->base, channel, h->role->next, NULL, h);
	if (h->role->begin != NULL)
		h->role->begin(h);
}

/* Another was asked of k; channel -1: this process may open no more. */
static void
take_child(struct helper *k, uint64_t option, int channel)
{
	k->bred_due--;
	k->strangers++;
	for (size_t i = 0; i < HELPER_ALL && channel != -1; i++) {
		struct helper *h = &k->master->helpers[i];

		if (h->state != HELPER_COMING ||
		    (uint64_t)rows[i].option != option)
			continue;
		watch(h, channel);
		return;
	}
	/* That helper was given up meanwhile; without a channel it ends. */
	file_close(channel);
}

static const char *
take_first(struct helper *h, const struct ipc_record *r)
{
	const bool ready = r->type == IPC_READY;

	if (!ready && r->type != IPC_UNSAFE)
		return "its record was not asked for";
	if (!ready && !h->master->unsandboxed)
		return r->u.text.text;
	h->pid = r->u.text.pid;
	snprintf(h->sandbox, sizeof(h->sandbox), "%s",
	    ready ? r->u.text.text : "none");
	set_state(h, HELPER_UNFED);
	if (h->role->feed != NULL)
		h->role->feed(h->master, !h->served);
	else
		helper_fed(h->master, kind_of(h));
	return NULL;
}

static const char *
take(struct helper *h, const struct ipc_record *r, int passed)
{
	const char *why = NULL;

	/* A record that was lost (ipc.h) told of one, too. */
	if ((r->type == IPC_SIBLING || (r->type == IPC_TYPE_COUNT &&
	    h->role == &keeper_role)) && h->bred_due > 0) {
		take_child(h, r->u.number.n, passed);
		return NULL;
	}
	h->passed = passed;
	if (h->role->hear != NULL)
		why = h->role->hear(h, r);
	else if (h->state == HELPER_STARTING)
		why = take_first(h, r);
	/* DIED is ignored: that helper's own channel ends. */
	else if (!(h->role->take != NULL ? h->role->take(h->master, r) :
	    r->type == IPC_DIED))
		why = "its record was not asked for";
	file_close(h->passed);
	return why;
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct helper *h = arg;
	struct ipc_record r;

	for (int i = 0; i < records_max && h->channel != -1; i++) {
		const char *why = h->served ? "it has ended" :
		    "it ended at once; can it be executed?";
		int passed;
		enum ipc_got got = ipc_recv(h->channel, rows[kind_of(h)].way,
		    IPC_AT_ANY, false, &r, &passed, &why);

		if (got == IPC_GOT_NOTHING)
			return;
		if (got == IPC_GOT_RECORD || got == IPC_GOT_NO_ROOM)
			why = take(h, &r, passed);
		else if (got == IPC_GOT_ERROR)
			why = strerror(errno);
		if (why != NULL)
			helper_lose(h->master, kind_of(h), why, false);
	}
}

void
helper_tell(struct master *m, enum helper_kind kind)
{
	if (m->helpers[kind].state >= HELPER_UNFED)
		feed_start(&m->helpers[kind].feed);
}

void
helper_fed(struct master *m, enum helper_kind kind)
{
	struct helper *h = &m->helpers[kind];

	if (h->state != HELPER_UNFED)
		return;
	set_state(h, HELPER_SERVING);
	h->served = true;
	/* At start nothing is logged. */
	if (m->counters.value[rows[kind].losses] > 0)
		log_put(LOG_LEVEL_INFO, "helper-started", "helper=%s pid=%zu",
		    rows[kind].name, (size_t)h->pid);
	if (h->role->next != NULL)
		feed_start(&h->feed);
}

bool
helper_is_lacking(const struct master *m, enum helper_kind kind)
{
	return m->helpers[kind].state != HELPER_NONE &&
	    m->helpers[kind].state != HELPER_SERVING;
}

bool
helper_is_coming(const struct master *m, enum helper_kind kind)
{
	return m->helpers[kind].state > HELPER_LOST;
}

static void
on_second(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;
	int64_t now = deadline_now_ms();

	for (enum helper_kind kind = 0; kind < HELPER_ALL; kind++) {
		struct helper *h = &m->helpers[kind];

		if (kind != HELPER_KEEPER && h->state == HELPER_LOST &&
		    now >= h->again_ms && !start_again(h) &&
		    !h->role->spare)
			end_smtpd(h, "its keeper has ended");
		else if ((h->state == HELPER_COMING ||
		    h->state == HELPER_STARTING) &&
		    now - h->since_ms > start_patience_ms)
			helper_lose(m, kind, "it does not start", false);
		else if (h->due_ms != 0 && now - h->due_ms > patience_ms)
			helper_lose(m, kind, "it does not answer", false);
	}
}

int
helper_start(struct master *m, const char *worker)
{
	struct event *tick = event_new(m->base, -1, EV_PERSIST, on_second, m);

	program = worker;
	for (size_t i = 0; i < HELPER_ALL; i++) {
		struct helper *h = &m->helpers[i];

		h->master = m;
		h->role = rows[i].role;
		if (h->channel != -1)
			watch(h, h->channel);
	}
	if (tick == NULL || event_add(tick, &(struct timeval){ 1, 0 }) == -1)
		return -1;
	for (enum helper_kind kind = 0; kind < HELPER_ALL; kind++)
		while (helper_is_lacking(m, kind))
			event_base_loop(m->base, EVLOOP_ONCE);
	return 0;
}

void
helper_stop(struct master *m)
{
	for (size_t i = 0; i < HELPER_ALL; i++) {
		struct helper *h = &m->helpers[i];

		if (h->state == HELPER_NONE)
			continue;
		h->state = HELPER_NONE;
		if (h->role->lost != NULL)
			h->role->lost(m, false);
		drop(h);
	}
}
