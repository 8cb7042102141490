/*
 * The state of the master, as lines for a person or as one JSON object: a
 * snapshot, written within one turn of the loop.
 */
#include "server/control/control_status.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/conf/conf_text.h"
#include "server/log/figure.h"
#include "server/session/listen.h"
#include "shared/deadline.h"

enum { label_columns = 14, top_addresses = 10, day_s = 86400,
    shown_path_bytes = 4 * 1024 };

static uint64_t
age_ms(int64_t since_ms)
{
	return (uint64_t)(deadline_now_ms() - since_ms);
}

static void
put_label(FILE *f, const char *label)
{
	fprintf(f, "%-*s ", label_columns, label);
}

static void
put_addresses(struct master *m, size_t max, FILE *f)
{
	struct address_note notes[ipc_addresses_max];
	int64_t now_ms = deadline_now_ms();
	uint64_t all = address_refused_count(m->book, now_ms);
	char left[figure_bytes];
	size_t n = address_top(m->book, now_ms, false, notes, max);

	for (size_t i = 0; i < n && notes[i].sessions > 0; i++) {
		put_label(f, i == 0 ? "addresses" : "");
		fprintf(f, "%s: %llu of %llu sessions at most\n",
		    notes[i].text, (unsigned long long)notes[i].sessions,
		    (unsigned long long)m->conf.limits.per_address);
	}
	n = address_top(m->book, now_ms, true, notes, max);
	for (size_t i = 0; i < n; i++) {
		figure_duration(notes[i].refused_ms, left);
		put_label(f, i == 0 ? "refused" : "");
		fprintf(f, "%s: for %s more\n", notes[i].text, left);
	}
	if (all > n) {
		put_label(f, n == 0 ? "refused" : "");
		fprintf(f, "%llu more\n", (unsigned long long)(all - n));
	}
}

/* ---- rates -------------------------------------------------------------- */

static const struct {
	enum counter	 counter;
	const char	*word;
} rates[] = {
	{ COUNTER_ACCEPTED, "connections" },
	{ COUNTER_STORED, "messages" },
	{ COUNTER_STORED_OCTETS, "octets" },
	{ COUNTER_RCPT_UNKNOWN, "unknown recipients" }
};

/* A second, in tenths. */
static uint64_t
rate_of(const struct master *m, const struct control_moment *then, size_t i)
{
	uint64_t ms = age_ms(then->ms);
	uint64_t n = m->counters.value[rates[i].counter] -
	    then->value[rates[i].counter];

	return then->ms == 0 || ms == 0 ? 0 : n * 10000 / ms;
}

static void
put_rates(const struct master *m, const struct control_moment *then, FILE *f)
{
	if (then->ms == 0)
		return;
	put_label(f, "a second");
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		uint64_t tenths = rate_of(m, then, i);

		fprintf(f, "%s%llu.%llu %s", i == 0 ? "" : ", ",
		    (unsigned long long)(tenths / 10),
		    (unsigned long long)(tenths % 10), rates[i].word);
	}
	fprintf(f, ", in the last %llu s\n",
	    (unsigned long long)((age_ms(then->ms) + 500) / 1000));
}

/* ---- as text ------------------------------------------------------------ */

static void
put_path(FILE *f, const char *label, const char *path)
{
	char shown[shown_path_bytes];

	conf_show(span_of(path == NULL ? "" : path), shown, sizeof(shown));
	put_label(f, label);
	fprintf(f, "%s\n", shown);
}

static void
put_about(const struct master *m, FILE *f)
{
	char up[figure_bytes], since[figure_bytes];
	struct address where;
	size_t n = 0;

	figure_duration(age_ms(m->start_ms), up);
	figure_time(time(NULL) - (int64_t)(age_ms(m->start_ms) / 1000), since);
	fprintf(f, "smtpd %s is %s as %s for %s, since %s\n", SMTPD_VERSION,
	    m->stopping ? "stopping" : "running", m->conf.hostname, up, since);
	put_path(f, "configuration", m->conf.path);
	put_path(f, "root", m->conf.root);
	for (size_t i = 0; i < m->listener_count; i++) {
		if (!listen_address(m->listeners[i].fd, &where))
			continue;
		put_label(f, n++ == 0 ? "listens at" : "");
		fprintf(f, "%s port %u\n", where.text, where.port);
	}
}

static void
put_certificates(const struct master *m, FILE *f)
{
	char file[shown_path_bytes];

	for (size_t i = 0; i < m->tls->count && i < m->conf.pair_count; i++) {
		const struct ipc_judged *facts = &m->tls->pairs[i].facts;
		int64_t left_s = facts->until_s - time(NULL);

		conf_show(span_of(m->conf.pairs[i].certificate), file,
		    sizeof(file));
		put_label(f, i == 0 ? "certificates" : "");
		if (left_s <= 0)
			fprintf(f, "%s for %s HAS EXPIRED\n", file,
			    facts->name);
		else
			fprintf(f, "%s for %s, %lld days left\n", file,
			    facts->name, (long long)(left_s / day_s));
	}
}

static void
put_pool(const struct master *m, FILE *f)
{
	uint64_t count[SESSION_STATE_COUNT];
	uint64_t all = control_count_sessions(m, count);
	struct pool_count c;

	put_label(f, "sessions");
	fprintf(f, "%llu of %llu at most", (unsigned long long)all,
	    (unsigned long long)m->conf.limits.workers);
	for (size_t i = 0, n = 0; i < SESSION_STATE_COUNT; i++)
		if (count[i] > 0)
			fprintf(f, "%s%llu %s", n++ == 0 ? ": " : ", ",
			    (unsigned long long)count[i],
			    control_state_words[i]);
	fprintf(f, "\n");
	pool_count(m, &c);
	put_label(f, "workers");
	fprintf(f, "%llu busy, %llu spare (%llu wanted), %llu coming, "
	    "%llu leaving\n", (unsigned long long)c.busy,
	    (unsigned long long)c.idle, (unsigned long long)c.spare,
	    (unsigned long long)c.coming, (unsigned long long)c.leaving);
}

static void
put_disk(const struct master *m, FILE *f)
{
	char left[figure_bytes], all[figure_bytes], reserve[figure_bytes];
	const struct conf_limits *l = &m->conf.limits;
	struct spool_room room;

	put_label(f, "disk");
	if (!spool_room(&m->spool, &room)) {
		fprintf(f, "smtpd cannot ask how much is free: no mail is "
		    "taken\n");
		return;
	}
	figure_size(room.free_bytes, left);
	figure_size(room.total_bytes, all);
	figure_size(l->disk_reserve_bytes, reserve);
	fprintf(f, "%s free of %s, reserve %s%s\n", left, all, reserve,
	    room.free_bytes < l->disk_reserve_bytes ? ": NO MAIL IS TAKEN" :
	    "");
	if (room.total_inodes == 0)
		return;
	put_label(f, "");
	fprintf(f, "%llu inodes free of %llu, reserve %llu%s\n",
	    (unsigned long long)room.free_inodes,
	    (unsigned long long)room.total_inodes,
	    (unsigned long long)l->inode_reserve,
	    room.free_inodes < l->inode_reserve ? ": NO MAIL IS TAKEN" : "");
}

static void
put_stored(const struct master *m, FILE *f)
{
	const uint64_t *value = m->counters.value;
	char size[figure_bytes];

	figure_size(value[COUNTER_STORED_OCTETS], size);
	put_label(f, "stored");
	fprintf(f, "%llu message%s, %s, in %llu connection%s\n",
	    (unsigned long long)value[COUNTER_STORED],
	    figure_plural(value[COUNTER_STORED]), size,
	    (unsigned long long)value[COUNTER_ACCEPTED],
	    figure_plural(value[COUNTER_ACCEPTED]));
	if (value[COUNTER_CRASHES] + value[COUNTER_ATTACKS] +
	    value[COUNTER_NURSERIES_LOST] == 0)
		return;
	put_label(f, "TROUBLE");
	fprintf(f, "%llu workers crashed, %llu attacked, %llu nurseries "
	    "lost: look at the log\n",
	    (unsigned long long)value[COUNTER_CRASHES],
	    (unsigned long long)value[COUNTER_ATTACKS],
	    (unsigned long long)value[COUNTER_NURSERIES_LOST]);
}

static void
put_lacking(const struct master *m, FILE *f)
{
	for (size_t i = 0; i < HELPER_COUNT; i++) {
		if (!helper_is_lacking(m, (enum helper_kind)i))
			continue;
		put_label(f, "TROUBLE");
		fprintf(f, "the %s process is missing: %s\n",
		    helper_name((enum helper_kind)i),
		    m->helpers[i].role->then);
	}
}

void
control_status_text(struct master *m, const struct control_moment *then,
    bool all, FILE *f)
{
	struct control_list processes = { .f = f }, sessions = { .f = f };

	put_about(m, f);
	put_certificates(m, f);
	fprintf(f, "\n%-8s %10s  %-12s %-10s %s\n", "PROCESS", "PID", "USER",
	    "STATE", "HELD BY");
	control_list_owners(m, &processes);
	if (all)
		control_list_workers(m, &processes);
	else
		control_list_worker_counts(m, f);
	fprintf(f, "\n");
	put_pool(m, f);
	put_disk(m, f);
	put_stored(m, f);
	put_lacking(m, f);
	put_rates(m, then, f);
	put_addresses(m, all ? ipc_addresses_max : top_addresses, f);
	if (all)
		control_list_sessions(m, &sessions);
}

/* ---- as JSON ------------------------------------------------------------ */

static void
json_about(const struct master *m, struct json_out *j)
{
	struct address where;

	json_out_string(j, "version", SMTPD_VERSION);
	json_out_string(j, "hostname", m->conf.hostname);
	json_out_i64(j, "pid", getpid());
	json_out_parts(j, "uptime_seconds", age_ms(m->start_ms), 1000);
	json_out_i64(j, "time", time(NULL));
	json_out_string(j, "configuration", m->conf.path == NULL ? "" :
	    m->conf.path);
	json_out_string(j, "root", m->conf.root);
	json_out_array(j, "listen");
	for (size_t i = 0; i < m->listener_count; i++) {
		if (!listen_address(m->listeners[i].fd, &where))
			continue;
		json_out_object(j, NULL);
		json_out_string(j, "address", where.text);
		json_out_u64(j, "port", where.port);
		json_out_end(j);
	}
	json_out_end(j);
}

static void
json_certificates(const struct master *m, struct json_out *j)
{
	json_out_array(j, "certificates");
	for (size_t i = 0; i < m->tls->count && i < m->conf.pair_count; i++) {
		const struct ipc_judged *facts = &m->tls->pairs[i].facts;

		json_out_object(j, NULL);
		json_out_string(j, "file", m->conf.pairs[i].certificate);
		json_out_string(j, "name", facts->name);
		json_out_i64(j, "until", facts->until_s);
		json_out_i64(j, "seconds_left", facts->until_s - time(NULL));
		json_out_end(j);
	}
	json_out_end(j);
}

static void
json_pool(const struct master *m, struct json_out *j)
{
	uint64_t count[SESSION_STATE_COUNT];
	struct pool_count c;

	pool_count(m, &c);
	json_out_object(j, "sessions");
	json_out_u64(j, "all", control_count_sessions(m, count));
	json_out_u64(j, "max", m->conf.limits.workers);
	json_out_u64(j, "per_address_max", m->conf.limits.per_address);
	for (size_t i = 0; i < SESSION_STATE_COUNT; i++)
		json_out_u64(j, control_state_words[i], count[i]);
	json_out_end(j);
	json_out_object(j, "workers");
	json_out_u64(j, "busy", c.busy);
	json_out_u64(j, "spare", c.idle);
	json_out_u64(j, "spare_wanted", c.spare);
	json_out_u64(j, "coming", c.coming);
	json_out_u64(j, "leaving", c.leaving);
	json_out_end(j);
}

static void
json_disk(const struct master *m, struct json_out *j)
{
	const struct conf_limits *l = &m->conf.limits;
	struct spool_room room;
	bool known = spool_room(&m->spool, &room);

	json_out_object(j, "disk");
	json_out_bool(j, "mail_is_taken", known && spool_has_room(&m->spool,
	    l, 0));
	json_out_u64(j, "reserve_bytes", l->disk_reserve_bytes);
	json_out_u64(j, "reserve_inodes", l->inode_reserve);
	if (known) {
		json_out_u64(j, "free_bytes", room.free_bytes);
		json_out_u64(j, "total_bytes", room.total_bytes);
		json_out_u64(j, "free_inodes", room.free_inodes);
		json_out_u64(j, "total_inodes", room.total_inodes);
	}
	json_out_end(j);
}

static void
json_rates(const struct master *m, const struct control_moment *then,
    struct json_out *j)
{
	json_out_object(j, "per_second");
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		json_out_parts(j, rates[i].word, rate_of(m, then, i), 10);
	json_out_end(j);
}

void
control_status_json(struct master *m, const struct control_moment *then,
    FILE *f)
{
	struct json_out j = { .f = f };
	struct control_list processes = { f, &j, 0 }, sessions = { f, &j, 0 };

	json_out_object(&j, NULL);
	json_about(m, &j);
	json_certificates(m, &j);
	json_out_array(&j, "processes");
	control_list_owners(m, &processes);
	control_list_workers(m, &processes);
	json_out_end(&j);
	json_pool(m, &j);
	json_disk(m, &j);
	json_out_u64(&j, "messages_stored", m->counters.value[COUNTER_STORED]);
	json_out_u64(&j, "stored_bytes",
	    m->counters.value[COUNTER_STORED_OCTETS]);
	json_rates(m, then, &j);
	control_list_addresses(m, &j);
	json_out_array(&j, "session_list");
	control_list_sessions(m, &sessions);
	json_out_end(&j);
	json_out_bool(&j, "cut", sessions.count > ipc_sessions_max);
	json_out_end(&j);
}
