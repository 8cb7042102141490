/*
 * The lines of smtpctl top, the most important ones first: what there is no
 * room for is at the end of the list below.
 */
#include "server/smtpctl_top_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/smtpctl_text.h"

enum { bar_cells = 20, problem_rows = 4 };

static uint64_t
family(const struct counters *c, const char *name)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < COUNTER_COUNT; i++)
		if (strcmp(counter_rows[i].family, name) == 0)
			sum += c->value[i];
	return sum;
}

static void
totals(const struct counters *c, uint64_t out[RATE_COUNT])
{
	out[RATE_CONNECTIONS] = c->value[COUNTER_ACCEPTED];
	out[RATE_TURNED_AWAY] = family(c, "connections_refused");
	out[RATE_MESSAGES] = c->value[COUNTER_STORED];
	out[RATE_REFUSED] = family(c, "senders_refused") +
	    family(c, "recipients_refused");
	out[RATE_STORED] = c->value[COUNTER_STORED_OCTETS];
	out[RATE_RECEIVED] = c->value[COUNTER_OCTETS_IN];
}

bool
smtpctl_rates_restarted(const struct smtpctl_snapshot *before,
    const struct smtpctl_snapshot *now)
{
	return before != NULL && (before->about.pid != now->about.pid ||
	    before->about.uptime_ms > now->about.uptime_ms);
}

void
smtpctl_rates_of(const struct smtpctl_snapshot *before,
    const struct smtpctl_snapshot *now, struct smtpctl_rates *out)
{
	uint64_t then[RATE_COUNT], ms;

	memset(out, 0, sizeof(*out));
	totals(&now->counters, out->total);
	if (before == NULL || smtpctl_rates_restarted(before, now) ||
	    before->about.uptime_ms == now->about.uptime_ms)
		return;
	totals(&before->counters, then);
	ms = now->about.uptime_ms - before->about.uptime_ms;
	out->known = true;
	for (size_t i = 0; i < RATE_COUNT; i++)
		if (out->total[i] >= then[i])
			out->second[i] = (double)(out->total[i] - then[i]) *
			    1000 / (double)ms;
}

/* ---- the upper part ----------------------------------------------------- */

static void
show_about(const struct smtpctl_view *v, const struct smtpctl_snapshot *s,
    struct smtpctl_screen *screen)
{
	char up[smtpctl_text_bytes], now[smtpctl_text_bytes];
	bool stops = s->process_count > 0 &&
	    s->processes[0].state == STATE_STOPPING;

	smtpctl_text_duration(s->about.uptime_ms, up);
	smtpctl_text_time(s->about.now_s, now);
	smtpctl_screen_add(screen, stops ? STYLE_ALARM : STYLE_BOLD,
	    "%s%s  smtpd %s %s for %s as %s", now,
	    v->paused ? "  PAUSED" : "", s->about.version,
	    stops ? "is stopping, up" : "up", up, s->about.hostname);
}

static void
show_pool(const struct smtpctl_snapshot *s, struct smtpctl_screen *screen)
{
	const struct ipc_tell_pool *p = &s->pool;
	unsigned long long all = smtpctl_snapshot_sessions(s);
	char bar[bar_cells + 3], states[200] = "";
	size_t n = 0;

	for (size_t i = 0; i < state_session_count; i++)
		if (p->sessions[i] > 0 && n < sizeof(states))
			n += (size_t)snprintf(states + n, sizeof(states) - n,
			    ", %llu %s", (unsigned long long)p->sessions[i],
			    smtpctl_state_words[i]);
	smtpctl_screen_bar(all, p->max, bar_cells, bar);
	smtpctl_screen_add(screen, all >= p->max ? STYLE_ALARM : STYLE_PLAIN,
	    "sessions  %s %llu of %llu%s", bar, all,
	    (unsigned long long)p->max, states);
	smtpctl_screen_bar(p->busy, p->busy + p->idle, bar_cells, bar);
	smtpctl_screen_add(screen, STYLE_PLAIN, "workers   %s %llu busy, "
	    "%llu spare (%llu wanted), %llu coming, %llu leaving", bar,
	    (unsigned long long)p->busy, (unsigned long long)p->idle,
	    (unsigned long long)p->spare, (unsigned long long)p->coming,
	    (unsigned long long)p->leaving);
}

static void
show_disk(const struct smtpctl_snapshot *s, struct smtpctl_screen *screen)
{
	const struct ipc_tell_disk *d = &s->disk;
	char left[smtpctl_text_bytes], all[smtpctl_text_bytes];
	char bar[bar_cells + 3];

	if (!d->known) {
		smtpctl_screen_add(screen, STYLE_ALARM, "disk      smtpd "
		    "cannot ask how much is free: NO MAIL IS TAKEN");
		return;
	}
	smtpctl_text_size(d->free_bytes, left);
	smtpctl_text_size(d->total_bytes, all);
	smtpctl_screen_bar(d->total_bytes - (d->free_bytes < d->total_bytes ?
	    d->free_bytes : d->total_bytes), d->total_bytes, bar_cells, bar);
	if (smtpctl_snapshot_has_room(s))
		smtpctl_screen_add(screen, STYLE_PLAIN,
		    "disk      %s %s free of %s", bar, left, all);
	else
		smtpctl_screen_add(screen, STYLE_ALARM, "disk      %s %s free "
		    "of %s, %llu inodes: NO MAIL IS TAKEN", bar, left, all,
		    (unsigned long long)d->free_inodes);
}

static void
show_rates(const struct smtpctl_rates *r, struct smtpctl_screen *screen)
{
	static const struct {
		const char	*name;
		bool		 octets;
	} rows[RATE_COUNT] = {
		[RATE_CONNECTIONS] = { "connections let in", false },
		[RATE_TURNED_AWAY] = { "connections turned away", false },
		[RATE_MESSAGES] = { "messages stored", false },
		[RATE_REFUSED] = { "senders, recipients refused", false },
		[RATE_STORED] = { "octets stored", true },
		[RATE_RECEIVED] = { "octets received, ended", true }
	};
	char second[smtpctl_text_bytes], total[smtpctl_text_bytes];

	smtpctl_screen_add(screen, STYLE_HEAD, "%-28s %14s %14s", "",
	    "each second", "since start");
	for (size_t i = 0; i < RATE_COUNT; i++) {
		snprintf(second, sizeof(second), "%.1f", r->second[i]);
		snprintf(total, sizeof(total), "%llu",
		    (unsigned long long)r->total[i]);
		if (rows[i].octets) {
			smtpctl_text_size((uint64_t)r->second[i], second);
			smtpctl_text_size(r->total[i], total);
		}
		smtpctl_screen_add(screen, STYLE_PLAIN, "%-28s %14s %14s",
		    rows[i].name, r->known ? second : "-", total);
	}
}

static void
show_trouble(const struct smtpctl_snapshot *s, struct smtpctl_screen *screen)
{
	const uint64_t *value = s->counters.value;

	if (value[COUNTER_CRASHES] + value[COUNTER_ATTACKS] +
	    value[COUNTER_NURSERIES_LOST] > 0)
		smtpctl_screen_add(screen, STYLE_ALARM, "TROUBLE: %llu "
		    "workers crashed, %llu attacked, %llu nurseries lost: "
		    "look at the log",
		    (unsigned long long)value[COUNTER_CRASHES],
		    (unsigned long long)value[COUNTER_ATTACKS],
		    (unsigned long long)value[COUNTER_NURSERIES_LOST]);
}

/* ---- the lists ---------------------------------------------------------- */

/* The largest first. */
static int
falling(uint64_t a, uint64_t b)
{
	return (a < b) - (a > b);
}

typedef int compare(const void *, const void *);

static int
address_name(const void *a, const void *b)
{
	const struct ipc_tell_address *x = a, *y = b;

	return strcmp(x->address, y->address);
}

static int
address_sessions(const void *a, const void *b)
{
	const struct ipc_tell_address *x = a, *y = b;
	int order = falling(x->sessions, y->sessions);

	return order != 0 ? order : address_name(a, b);
}

static int
address_refused(const void *a, const void *b)
{
	const struct ipc_tell_address *x = a, *y = b;
	int order = falling(x->refused_ms, y->refused_ms);

	return order != 0 ? order : address_sessions(a, b);
}

static int
session_age(const void *a, const void *b)
{
	const struct ipc_tell_session *x = a, *y = b;
	int order = falling(x->age_ms, y->age_ms);

	return order != 0 ? order : strcmp(x->id, y->id);
}

static int
session_stored(const void *a, const void *b)
{
	const struct ipc_tell_session *x = a, *y = b;
	int order = falling(x->stored_bytes, y->stored_bytes);

	return order != 0 ? order : session_age(a, b);
}

static int
session_client(const void *a, const void *b)
{
	const struct ipc_tell_session *x = a, *y = b;
	int order = strcmp(x->client, y->client);

	return order != 0 ? order : session_age(a, b);
}

struct order {
	const char	*name;
	compare		*f;
};

static const struct order orders[LIST_COUNT][smtpctl_orders] = {
	[LIST_ADDRESSES] = { { "sessions", address_sessions },
	    { "time refused", address_refused },
	    { "address", address_name } },
	[LIST_SESSIONS] = { { "age", session_age },
	    { "octets stored", session_stored },
	    { "client", session_client } }
};

static void
show_addresses(const struct smtpctl_view *v, struct smtpctl_snapshot *s,
    struct smtpctl_screen *screen)
{
	char left[smtpctl_text_bytes];

	smtpctl_screen_add(screen, STYLE_HEAD, "%-28s %14s %14s  by %s",
	    "ADDRESS", "SESSIONS", "REFUSED FOR",
	    orders[LIST_ADDRESSES][v->order].name);
	qsort(s->addresses, s->address_count, sizeof(s->addresses[0]),
	    orders[LIST_ADDRESSES][v->order].f);
	for (size_t i = 0; i < s->address_count; i++) {
		const struct ipc_tell_address *a = &s->addresses[i];

		smtpctl_text_duration(a->refused_ms, left);
		smtpctl_screen_add(screen, a->sessions >= s->pool.per_address ?
		    STYLE_BOLD : STYLE_PLAIN, "%-28s %14llu %14s", a->address,
		    (unsigned long long)a->sessions,
		    a->refused_ms == 0 ? "-" : left);
	}
}

static void
show_sessions(const struct smtpctl_view *v, struct smtpctl_snapshot *s,
    struct smtpctl_screen *screen)
{
	char age[smtpctl_text_bytes], size[smtpctl_text_bytes];

	smtpctl_screen_add(screen, STYLE_HEAD,
	    "%-16s %-24s %-8s %11s %7s %10s  by %s", "SESSION", "CLIENT",
	    "STATE", "AGE", "STORED", "OCTETS",
	    orders[LIST_SESSIONS][v->order].name);
	qsort(s->sessions, s->session_count, sizeof(s->sessions[0]),
	    orders[LIST_SESSIONS][v->order].f);
	for (size_t i = 0; i < s->session_count; i++) {
		const struct ipc_tell_session *t = &s->sessions[i];

		smtpctl_text_duration(t->age_ms, age);
		smtpctl_text_size(t->stored_bytes, size);
		smtpctl_screen_add(screen, STYLE_PLAIN,
		    "%-16s %-24s %-8s %11s %7llu %10s", t->id, t->client,
		    smtpctl_state_words[t->state], age,
		    (unsigned long long)t->stored, size);
	}
}

void
smtpctl_top_show(const struct smtpctl_view *v, struct smtpctl_snapshot *s,
    const struct smtpctl_rates *rates, struct smtpctl_screen *screen)
{
	show_about(v, s, screen);
	show_pool(s, screen);
	show_disk(s, screen);
	show_trouble(s, screen);
	show_rates(rates, screen);
	if (v->list == LIST_SESSIONS)
		show_sessions(v, s, screen);
	else
		show_addresses(v, s, screen);
	if (v->problem != NULL)
		smtpctl_screen_foot(screen, STYLE_ALARM, problem_rows,
		    v->problem);
	else if (v->keys)
		smtpctl_screen_foot(screen, STYLE_BOLD, 1, "q quit  space "
		    "pause  a addresses  s sessions  o order");
}
