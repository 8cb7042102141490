/*
 * The state of the master, as lines for a person or as one JSON object.
 */
#include "server/smtpctl_status.h"

#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "server/conf_text.h"
#include "server/smtpctl_await.h"
#include "server/smtpctl_json.h"
#include "server/smtpctl_snapshot.h"
#include "server/smtpctl_text.h"

enum { label_columns = 14, top_addresses = 10, day_s = 86400 };

static const char *const role_words[ROLE_COUNT] = {
	[ROLE_MASTER] = "master", [ROLE_NURSERY] = "nursery",
	[ROLE_WORKER] = "worker", [ROLE_SIGN] = "sign",
	[ROLE_AUTH] = "auth"
};

static void
print_label(const char *label)
{
	printf("%-*s ", label_columns, label);
}

static void
print_path(const char *label, const char *path)
{
	char shown[4 * ipc_path_bytes];

	conf_show(span_of(path), shown, sizeof(shown));
	print_label(label);
	printf("%s\n", shown);
}

static void
print_about(const struct smtpctl_snapshot *s)
{
	char up[smtpctl_text_bytes], since[smtpctl_text_bytes];

	smtpctl_text_duration(s->about.uptime_ms, up);
	smtpctl_text_time(s->about.now_s -
	    (int64_t)(s->about.uptime_ms / 1000), since);
	printf("smtpd %s is %s as %s for %s, since %s\n", s->about.version,
	    s->process_count > 0 &&
	    s->processes[0].state == STATE_STOPPING ? "stopping" : "running",
	    s->about.hostname, up, since);
	print_path("configuration", s->conf);
	print_path("root", s->root);
	for (size_t i = 0; i < s->listen_count; i++) {
		print_label(i == 0 ? "listens at" : "");
		printf("%s port %u\n", s->listens[i].address,
		    s->listens[i].port);
	}
}

/* Whole days, as a person counts them. */
static void
print_certificates(const struct smtpctl_snapshot *s)
{
	char file[4 * ipc_path_bytes];

	for (size_t i = 0; i < s->certificate_count; i++) {
		const struct ipc_tell_certificate *c = &s->certificates[i];
		int64_t left_s = c->until_s - s->about.now_s;

		conf_show(span_of(c->file), file, sizeof(file));
		print_label(i == 0 ? "certificates" : "");
		if (left_s <= 0)
			printf("%s for %s HAS EXPIRED\n", file, c->name);
		else
			printf("%s for %s, %lld days left\n", file, c->name,
			    (long long)(left_s / day_s));
	}
}

static void
print_process(const struct ipc_tell_process *p, const char *pid,
    const char *state)
{
	char user[smtpctl_text_bytes];

	smtpctl_text_user(p->uid, user);
	printf("%-8s %10s  %-12s %-10s %s\n", role_words[p->role], pid, user,
	    state, p->held[0] == '\0' ? "?" : p->held);
}

/* Workers are many: without verbose those of one state share a line. */
static void
print_workers(const struct smtpctl_snapshot *s)
{
	const struct ipc_tell_process *any = NULL;
	char count[40];

	for (size_t i = 0; i < s->process_count && any == NULL; i++)
		if (s->processes[i].role == ROLE_WORKER)
			any = &s->processes[i];
	if (any == NULL)
		return;
	if (s->pool.busy > 0) {
		snprintf(count, sizeof(count), "%llu of them",
		    (unsigned long long)s->pool.busy);
		print_process(any, count, "busy");
	}
	if (s->pool.idle > 0) {
		snprintf(count, sizeof(count), "%llu of them",
		    (unsigned long long)s->pool.idle);
		print_process(any, count, "spare");
	}
}

static void
print_processes(const struct smtpctl_snapshot *s, bool verbose)
{
	char pid[24];

	printf("\n%-8s %10s  %-12s %-10s %s\n", "PROCESS", "PID", "USER",
	    "STATE", "HELD BY");
	for (size_t i = 0; i < s->process_count; i++) {
		const struct ipc_tell_process *p = &s->processes[i];

		if (p->role == ROLE_WORKER && !verbose)
			continue;
		snprintf(pid, sizeof(pid), "%d", (int)p->pid);
		print_process(p, p->pid == 0 ? "?" : pid,
		    smtpctl_state_words[p->state]);
	}
	if (!verbose)
		print_workers(s);
	printf("\n");
}

static void
print_pool(const struct smtpctl_snapshot *s)
{
	const struct ipc_tell_pool *p = &s->pool;

	print_label("sessions");
	printf("%llu of %llu at most",
	    (unsigned long long)smtpctl_snapshot_sessions(s),
	    (unsigned long long)p->max);
	for (size_t i = 0, n = 0; i < state_session_count; i++)
		if (p->sessions[i] > 0)
			printf("%s%llu %s", n++ == 0 ? ": " : ", ",
			    (unsigned long long)p->sessions[i],
			    smtpctl_state_words[i]);
	printf("\n");
	print_label("workers");
	printf("%llu busy, %llu spare (%llu wanted), %llu coming, "
	    "%llu leaving\n", (unsigned long long)p->busy,
	    (unsigned long long)p->idle, (unsigned long long)p->spare,
	    (unsigned long long)p->coming, (unsigned long long)p->leaving);
}

static void
print_disk(const struct smtpctl_snapshot *s)
{
	const struct ipc_tell_disk *d = &s->disk;
	char left[smtpctl_text_bytes], all[smtpctl_text_bytes];
	char reserve[smtpctl_text_bytes];

	print_label("disk");
	if (!d->known) {
		printf("smtpd cannot ask how much is free: no mail is "
		    "taken\n");
		return;
	}
	smtpctl_text_size(d->free_bytes, left);
	smtpctl_text_size(d->total_bytes, all);
	smtpctl_text_size(d->reserve_bytes, reserve);
	printf("%s free of %s, reserve %s%s\n", left, all, reserve,
	    d->free_bytes < d->reserve_bytes ? ": NO MAIL IS TAKEN" : "");
	if (d->total_inodes == 0)
		return;
	print_label("");
	printf("%llu inodes free of %llu, reserve %llu%s\n",
	    (unsigned long long)d->free_inodes,
	    (unsigned long long)d->total_inodes,
	    (unsigned long long)d->reserve_inodes,
	    d->free_inodes < d->reserve_inodes ? ": NO MAIL IS TAKEN" : "");
}

static void
print_stored(const struct smtpctl_snapshot *s)
{
	const uint64_t *value = s->counters.value;
	char size[smtpctl_text_bytes];

	smtpctl_text_size(value[COUNTER_STORED_OCTETS], size);
	print_label("stored");
	printf("%llu message%s, %s, in %llu connection%s\n",
	    (unsigned long long)value[COUNTER_STORED],
	    smtpctl_text_s(value[COUNTER_STORED]), size,
	    (unsigned long long)value[COUNTER_ACCEPTED],
	    smtpctl_text_s(value[COUNTER_ACCEPTED]));
	if (value[COUNTER_CRASHES] + value[COUNTER_ATTACKS] +
	    value[COUNTER_NURSERIES_LOST] == 0)
		return;
	print_label("TROUBLE");
	printf("%llu workers crashed, %llu attacked, %llu nurseries lost: "
	    "look at the log\n",
	    (unsigned long long)value[COUNTER_CRASHES],
	    (unsigned long long)value[COUNTER_ATTACKS],
	    (unsigned long long)value[COUNTER_NURSERIES_LOST]);
}

static void
print_addresses(const struct smtpctl_snapshot *s, size_t max)
{
	char left[smtpctl_text_bytes];
	size_t busy = 0, refused = 0;

	for (size_t i = 0; i < s->address_count; i++) {
		const struct ipc_tell_address *a = &s->addresses[i];

		if (a->sessions == 0 || busy == max)
			continue;
		print_label(busy++ == 0 ? "addresses" : "");
		printf("%s: %llu of %llu sessions at most\n", a->address,
		    (unsigned long long)a->sessions,
		    (unsigned long long)s->pool.per_address);
	}
	for (size_t i = 0; i < s->address_count; i++) {
		const struct ipc_tell_address *a = &s->addresses[i];

		if (a->refused_ms == 0 || refused == max)
			continue;
		smtpctl_text_duration(a->refused_ms, left);
		print_label(refused++ == 0 ? "refused" : "");
		printf("%s: for %s more\n", a->address, left);
	}
	if (s->pool.refused > refused) {
		print_label(refused == 0 ? "refused" : "");
		printf("%llu more\n",
		    (unsigned long long)(s->pool.refused - refused));
	}
}

static void
print_sessions(const struct smtpctl_snapshot *s)
{
	char age[smtpctl_text_bytes], pid[24];

	if (s->session_count == 0)
		return;
	printf("\n%-16s %-39s %-8s %10s %10s %7s\n", "SESSION", "CLIENT",
	    "STATE", "PID", "FOR", "STORED");
	for (size_t i = 0; i < s->session_count; i++) {
		const struct ipc_tell_session *t = &s->sessions[i];

		smtpctl_text_duration(t->age_ms, age);
		snprintf(pid, sizeof(pid), "%d", (int)t->pid);
		printf("%-16s %-39s %-8s %10s %10s %7llu\n", t->id,
		    t->client, smtpctl_state_words[t->state],
		    t->pid == 0 ? "-" : pid, age,
		    (unsigned long long)t->stored);
	}
}

static void
print_status(const struct smtpctl_snapshot *s, bool verbose)
{
	print_about(s);
	print_certificates(s);
	print_processes(s, verbose);
	print_pool(s);
	print_disk(s);
	print_stored(s);
	print_addresses(s, verbose ? SIZE_MAX : top_addresses);
	if (verbose)
		print_sessions(s);
}

static void
json_about(const struct smtpctl_snapshot *s)
{
	smtpctl_json_string("version", s->about.version);
	smtpctl_json_string("hostname", s->about.hostname);
	smtpctl_json_i64("pid", s->about.pid);
	smtpctl_json_parts("uptime_seconds", s->about.uptime_ms, 1000);
	smtpctl_json_i64("time", s->about.now_s);
	smtpctl_json_string("configuration", s->conf);
	smtpctl_json_string("root", s->root);
	smtpctl_json_array("listen");
	for (size_t i = 0; i < s->listen_count; i++) {
		smtpctl_json_object(NULL);
		smtpctl_json_string("address", s->listens[i].address);
		smtpctl_json_u64("port", s->listens[i].port);
		smtpctl_json_end();
	}
	smtpctl_json_end();
}

static void
json_certificates(const struct smtpctl_snapshot *s)
{
	smtpctl_json_array("certificates");
	for (size_t i = 0; i < s->certificate_count; i++) {
		const struct ipc_tell_certificate *c = &s->certificates[i];

		smtpctl_json_object(NULL);
		smtpctl_json_string("file", c->file);
		smtpctl_json_string("name", c->name);
		smtpctl_json_i64("until", c->until_s);
		smtpctl_json_i64("seconds_left", c->until_s - s->about.now_s);
		smtpctl_json_end();
	}
	smtpctl_json_end();
}

static void
json_processes(const struct smtpctl_snapshot *s)
{
	char user[smtpctl_text_bytes];

	smtpctl_json_array("processes");
	for (size_t i = 0; i < s->process_count; i++) {
		const struct ipc_tell_process *p = &s->processes[i];

		smtpctl_text_user(p->uid, user);
		smtpctl_json_object(NULL);
		smtpctl_json_string("role", role_words[p->role]);
		if (p->pid == 0)
			smtpctl_json_null("pid");
		else
			smtpctl_json_i64("pid", p->pid);
		smtpctl_json_u64("uid", p->uid);
		smtpctl_json_string("user", user);
		smtpctl_json_string("state", smtpctl_state_words[p->state]);
		smtpctl_json_string("held_by", p->held);
		smtpctl_json_end();
	}
	smtpctl_json_end();
}

static void
json_pool(const struct smtpctl_snapshot *s)
{
	smtpctl_json_object("sessions");
	smtpctl_json_u64("all", smtpctl_snapshot_sessions(s));
	smtpctl_json_u64("max", s->pool.max);
	smtpctl_json_u64("per_address_max", s->pool.per_address);
	for (size_t i = 0; i < state_session_count; i++)
		smtpctl_json_u64(smtpctl_state_words[i], s->pool.sessions[i]);
	smtpctl_json_end();
	smtpctl_json_object("workers");
	smtpctl_json_u64("busy", s->pool.busy);
	smtpctl_json_u64("spare", s->pool.idle);
	smtpctl_json_u64("spare_wanted", s->pool.spare);
	smtpctl_json_u64("coming", s->pool.coming);
	smtpctl_json_u64("leaving", s->pool.leaving);
	smtpctl_json_end();
}

static void
json_disk(const struct smtpctl_snapshot *s)
{
	const struct ipc_tell_disk *d = &s->disk;

	smtpctl_json_object("disk");
	smtpctl_json_bool("mail_is_taken", smtpctl_snapshot_has_room(s));
	smtpctl_json_u64("reserve_bytes", d->reserve_bytes);
	smtpctl_json_u64("reserve_inodes", d->reserve_inodes);
	if (d->known) {
		smtpctl_json_u64("free_bytes", d->free_bytes);
		smtpctl_json_u64("total_bytes", d->total_bytes);
		smtpctl_json_u64("free_inodes", d->free_inodes);
		smtpctl_json_u64("total_inodes", d->total_inodes);
	}
	smtpctl_json_end();
}

static void
json_addresses(const struct smtpctl_snapshot *s)
{
	smtpctl_json_u64("refused_addresses", s->pool.refused);
	smtpctl_json_array("addresses");
	for (size_t i = 0; i < s->address_count; i++) {
		smtpctl_json_object(NULL);
		smtpctl_json_string("address", s->addresses[i].address);
		smtpctl_json_u64("sessions", s->addresses[i].sessions);
		smtpctl_json_parts("refused_seconds",
		    s->addresses[i].refused_ms, 1000);
		smtpctl_json_end();
	}
	smtpctl_json_end();
}

static void
json_sessions(const struct smtpctl_snapshot *s)
{
	smtpctl_json_array("session_list");
	for (size_t i = 0; i < s->session_count; i++) {
		const struct ipc_tell_session *t = &s->sessions[i];

		smtpctl_json_object(NULL);
		smtpctl_json_string("id", t->id);
		smtpctl_json_string("client", t->client);
		smtpctl_json_u64("port", t->port);
		smtpctl_json_string("state", smtpctl_state_words[t->state]);
		if (t->pid == 0)
			smtpctl_json_null("pid");
		else
			smtpctl_json_i64("pid", t->pid);
		smtpctl_json_parts("age_seconds", t->age_ms, 1000);
		smtpctl_json_u64("stored", t->stored);
		smtpctl_json_u64("stored_bytes", t->stored_bytes);
		smtpctl_json_end();
	}
	smtpctl_json_end();
}

static void
json_status(const struct smtpctl_snapshot *s)
{
	smtpctl_json_object(NULL);
	json_about(s);
	json_certificates(s);
	json_processes(s);
	json_pool(s);
	json_disk(s);
	smtpctl_json_u64("messages_stored",
	    s->counters.value[COUNTER_STORED]);
	smtpctl_json_u64("stored_bytes",
	    s->counters.value[COUNTER_STORED_OCTETS]);
	json_addresses(s);
	json_sessions(s);
	smtpctl_json_bool("cut", s->cut);
	smtpctl_json_end();
}

int
smtpctl_status(int argc, char *argv[])
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'j' }, { NULL, 0, NULL, 0 }
	};
	static struct smtpctl_control c;
	static struct smtpctl_snapshot s;
	bool verbose = false, json = false;
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "f:js:v", longs, NULL)) != -1)
		if (opt == 'f')
			c.place.conf = optarg;
		else if (opt == 's')
			c.place.socket = optarg;
		else if (opt == 'j')
			json = true;
		else if (opt == 'v')
			verbose = true;
		else
			return -1;
	if (optind < argc)
		return -1;
	if (!smtpctl_snapshot_ask(&c, ipc_sessions_max, ipc_addresses_max,
	    &s)) {
		warnx("%s", c.problem);
		return 1;
	}
	smtpctl_control_close(&c);
	if (json)
		json_status(&s);
	else
		print_status(&s, verbose);
	if (fflush(stdout) == EOF)
		err(smtpctl_exit_error, "standard output");
	return 0;
}
