/*
 * The state of the master, as lines for a person or as one JSON object: a
 * snapshot, written within one turn of the loop.
 */
#include "server/control/control_status.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/log/figure.h"
#include "server/mail/spool.h"
#include "server/process/helper.h"
#include "server/process/tls_files.h"
#include "server/session/listen.h"

enum { day_s = 86400 };

static const char *
shown(const char *path)
{
	static char text[figure_shown_bytes];

	figure_shown(path == NULL ? "" : path, text);
	return text;
}

static void
tell_about(const struct master *m, const struct control_out *o)
{
	uint64_t up_ms = control_age_ms(m->start_ms);
	const char *conf = m->conf.path == NULL ? "" : m->conf.path;
	char up[figure_bytes], since[figure_bytes];

	if (o->j != NULL) {
		json_out_string(o->j, "version", SMTPD_VERSION);
		json_out_string(o->j, "hostname", m->conf.hostname);
		json_out_i64(o->j, "pid", getpid());
		json_out_parts(o->j, "uptime_seconds", up_ms, 1000);
		json_out_i64(o->j, "time", time(NULL));
		json_out_string(o->j, "configuration", conf);
		json_out_string(o->j, "root", m->conf.root);
		return;
	}
	figure_duration(up_ms, up);
	figure_time(time(NULL) - (int64_t)(up_ms / 1000), since);
	fprintf(o->f, "smtpd %s is %s as %s for %s, since %s\n",
	    SMTPD_VERSION, m->stopping ? "stopping" : "running",
	    m->conf.hostname, up, since);
	control_line(o, "configuration", "%s", shown(conf));
	control_line(o, "root", "%s", shown(m->conf.root));
}

static void
tell_listeners(const struct master *m, const struct control_out *o)
{
	struct address where;
	size_t n = 0;

	if (o->j != NULL)
		json_out_array(o->j, "listen");
	for (size_t i = 0; i < m->listeners->count; i++) {
		if (!listen_address(m->listeners->one[i].fd, &where))
			continue;
		if (o->j == NULL) {
			control_line(o, n++ == 0 ? "listens at" : "",
			    "%s port %u", where.text, where.port);
			continue;
		}
		json_out_object(o->j, NULL);
		json_out_string(o->j, "address", where.text);
		json_out_u64(o->j, "port", where.port);
		json_out_end(o->j);
	}
	if (o->j != NULL)
		json_out_end(o->j);
}

static void
tell_certificate(const char *file, const struct ipc_judged *facts, bool first,
    const struct control_out *o)
{
	int64_t left_s = facts->until_s - time(NULL);

	if (o->j != NULL) {
		json_out_object(o->j, NULL);
		json_out_string(o->j, "file", file);
		json_out_string(o->j, "name", facts->name);
		json_out_i64(o->j, "until", facts->until_s);
		json_out_i64(o->j, "seconds_left", left_s);
		json_out_end(o->j);
	} else if (left_s <= 0)
		control_line(o, first ? "certificates" : "",
		    "%s for %s HAS EXPIRED", shown(file), facts->name);
	else
		control_line(o, first ? "certificates" : "",
		    "%s for %s, %" PRId64 " days left", shown(file),
		    facts->name, left_s / day_s);
}

static void
tell_certificates(const struct master *m, const struct control_out *o)
{
	if (o->j != NULL)
		json_out_array(o->j, "certificates");
	for (size_t i = 0; i < m->tls->count && i < m->conf.pair_count; i++)
		tell_certificate(m->conf.pairs[i].certificate,
		    &m->tls->pairs[i].facts, i == 0, o);
	if (o->j != NULL)
		json_out_end(o->j);
}

static void
tell_sessions(const struct master *m, const struct control_out *o)
{
	const struct conf_limits *l = &m->conf.limits;
	uint64_t count[SESSION_STATE_COUNT];
	uint64_t all = control_count_sessions(m, count);
	char states[300] = "";
	size_t n = 0;

	if (o->j != NULL) {
		json_out_object(o->j, "sessions");
		json_out_u64(o->j, "all", all);
		json_out_u64(o->j, "max", l->workers);
		json_out_u64(o->j, "per_address_max", l->per_address);
	}
	for (size_t i = 0; i < SESSION_STATE_COUNT; i++)
		if (o->j != NULL)
			json_out_u64(o->j, session_state_words[i], count[i]);
		else if (count[i] > 0)
			n += (size_t)snprintf(states + n, sizeof(states) - n,
			    "%s%" PRIu64 " %s", n == 0 ? ": " : ", ",
			    count[i], session_state_words[i]);
	if (o->j != NULL)
		json_out_end(o->j);
	else
		control_line(o, "sessions", "%" PRIu64 " of %" PRIu64
		    " at most%s", all, (uint64_t)l->workers, states);
}

static void
tell_workers(const struct master *m, const struct control_out *o)
{
	struct pool_count c;

	pool_count(m, &c);
	if (o->j == NULL) {
		control_line(o, "workers", "%" PRIu64 " busy, %" PRIu64
		    " spare (%" PRIu64 " wanted), %" PRIu64 " coming, %" PRIu64
		    " leaving", c.busy, c.idle, c.spare, c.coming, c.leaving);
		return;
	}
	json_out_object(o->j, "workers");
	json_out_u64(o->j, "busy", c.busy);
	json_out_u64(o->j, "spare", c.idle);
	json_out_u64(o->j, "spare_wanted", c.spare);
	json_out_u64(o->j, "coming", c.coming);
	json_out_u64(o->j, "leaving", c.leaving);
	json_out_end(o->j);
}

static void
json_disk(const struct master *m, const struct spool_room *room,
    struct json_out *j)
{
	const struct conf_limits *l = &m->conf.limits;

	json_out_object(j, "disk");
	json_out_bool(j, "mail_is_taken", room != NULL &&
	    spool_has_room(m->spool, l, 0));
	json_out_u64(j, "reserve_bytes", l->disk_reserve_bytes);
	json_out_u64(j, "reserve_inodes", l->inode_reserve);
	if (room != NULL) {
		json_out_u64(j, "free_bytes", room->free_bytes);
		json_out_u64(j, "total_bytes", room->total_bytes);
		json_out_u64(j, "free_inodes", room->free_inodes);
		json_out_u64(j, "total_inodes", room->total_inodes);
	}
	json_out_end(j);
}

static void
tell_disk(const struct master *m, const struct control_out *o)
{
	char left[figure_bytes], all[figure_bytes], reserve[figure_bytes];
	const struct conf_limits *l = &m->conf.limits;
	struct spool_room room;
	bool known = spool_room(m->spool, &room);

	if (o->j != NULL) {
		json_disk(m, known ? &room : NULL, o->j);
		return;
	}
	if (!known) {
		control_line(o, "disk", "smtpd cannot ask how much is free: "
		    "no mail is taken");
		return;
	}
	figure_size(room.free_bytes, left);
	figure_size(room.total_bytes, all);
	figure_size(l->disk_reserve_bytes, reserve);
	control_line(o, "disk", "%s free of %s, reserve %s%s", left, all,
	    reserve, room.free_bytes < l->disk_reserve_bytes ?
	    ": NO MAIL IS TAKEN" : "");
	if (room.total_inodes > 0)
		control_line(o, "", "%" PRIu64 " inodes free of %" PRIu64
		    ", reserve %" PRIu64 "%s", room.free_inodes,
		    room.total_inodes, l->inode_reserve,
		    room.free_inodes < l->inode_reserve ?
		    ": NO MAIL IS TAKEN" : "");
}

static bool
tell_stored(const struct master *m, const struct control_out *o)
{
	const uint64_t *value = m->counters.value;
	char size[figure_bytes];
	bool lacks = false;

	for (size_t i = 0; i < HELPER_COUNT; i++)
		lacks |= helper_is_lacking(m, (enum helper_kind)i);
	if (o->j != NULL) {
		json_out_u64(o->j, "messages_stored", value[COUNTER_STORED]);
		json_out_u64(o->j, "stored_bytes",
		    value[COUNTER_STORED_OCTETS]);
		return !lacks;
	}
	figure_size(value[COUNTER_STORED_OCTETS], size);
	control_line(o, "stored", "%" PRIu64 " message%s, %s, in %" PRIu64
	    " connection%s", value[COUNTER_STORED],
	    figure_plural(value[COUNTER_STORED]), size,
	    value[COUNTER_ACCEPTED], figure_plural(value[COUNTER_ACCEPTED]));
	if (value[COUNTER_CRASHES] + value[COUNTER_ATTACKS] +
	    value[COUNTER_NURSERIES_LOST] > 0)
		control_line(o, "TROUBLE", "%" PRIu64 " workers crashed, %"
		    PRIu64 " attacked, %" PRIu64 " nurseries lost: look at "
		    "the log", value[COUNTER_CRASHES], value[COUNTER_ATTACKS],
		    value[COUNTER_NURSERIES_LOST]);
	for (size_t i = 0; i < HELPER_COUNT; i++)
		if (helper_is_lacking(m, (enum helper_kind)i))
			control_line(o, "TROUBLE", "the %s process is "
			    "missing: %s", helper_name((enum helper_kind)i),
			    m->helpers[i].role->then);
	return !lacks;
}

static void
tell_rates(const struct master *m, const struct control_moment *then,
    const struct control_out *o)
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
	uint64_t ms = then->ms == 0 ? 0 : control_age_ms(then->ms), tenths;
	char text[300] = "";
	size_t n = 0;

	if (o->j != NULL)
		json_out_object(o->j, "per_second");
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		tenths = ms == 0 ? 0 :
		    (m->counters.value[rates[i].counter] -
		    then->value[rates[i].counter]) * 10000 / ms;
		if (o->j != NULL)
			json_out_parts(o->j, rates[i].word, tenths, 10);
		else
			n += (size_t)snprintf(text + n, sizeof(text) - n,
			    "%" PRIu64 ".%" PRIu64 " %s, ", tenths / 10,
			    tenths % 10, rates[i].word);
	}
	if (o->j != NULL)
		json_out_end(o->j);
	else if (then->ms != 0)
		control_line(o, "a second", "%sin the last %" PRIu64 " s",
		    text, (ms + 500) / 1000);
}

bool
control_status(struct master *m, const struct control_moment *then,
    const struct control_out *o)
{
	bool fine;

	if (o->j != NULL)
		json_out_object(o->j, NULL);
	tell_about(m, o);
	tell_listeners(m, o);
	tell_certificates(m, o);
	if (o->j != NULL)
		json_out_array(o->j, "processes");
	else
		fprintf(o->f, "\n%-8s %10s  %-12s %-10s %s\n", "PROCESS",
		    "PID", "USER", "STATE", "SANDBOX");
	control_list_processes(m, o);
	if (o->j != NULL)
		json_out_end(o->j);
	else
		putc('\n', o->f);
	tell_sessions(m, o);
	tell_workers(m, o);
	tell_disk(m, o);
	fine = tell_stored(m, o);
	tell_rates(m, then, o);
	control_list_addresses(m, o);
	control_list_sessions(m, o);
	if (o->j != NULL)
		json_out_end(o->j);
	return fine;
}
