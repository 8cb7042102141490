/*
 * The counters for people, as JSON, and as OpenMetrics text.
 *
 * In OpenMetrics a family is its TYPE, UNIT and HELP, then its samples.
 * Names and texts are those of our own tables; check_counters sees to it
 * that none needs an escape.
 */
#include "server/control/control_stats.h"

#include <string.h>
#include <time.h>

#include "server/control/control_list.h"
#include "server/log/figure.h"
#include "shared/deadline.h"

enum { text_columns = 58, value_columns = 16, name_max_bytes = 80 };

static uint64_t
uptime_ms(const struct master *m)
{
	return (uint64_t)(deadline_now_ms() - m->start_ms);
}

static void
print_value(FILE *f, const char *indent, const char *text, const char *unit,
    uint64_t value)
{
	char shown[figure_bytes];

	if (strcmp(unit, "bytes") == 0)
		figure_size(value, shown);
	else
		snprintf(shown, sizeof(shown), "%llu",
		    (unsigned long long)value);
	fprintf(f, "%s%-*s %*s\n", indent,
	    text_columns - (int)strlen(indent), text, value_columns, shown);
}

static uint64_t
family_sum(const struct counters *c, const char *family)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < COUNTER_COUNT; i++)
		if (strcmp(counters_rows[i].family, family) == 0)
			sum += c->value[i];
	return sum;
}

/* A family that is labelled: its sum, then those of it that are not 0. */
static void
print_counters(const struct counters *c, FILE *f)
{
	for (size_t i = 0; i < COUNTER_COUNT; i++) {
		const struct counter_row *r = &counters_rows[i];

		if (i == 0 || strcmp(r[-1].family, r->family) != 0)
			print_value(f, "", r->help, r->unit,
			    family_sum(c, r->family));
		if (r->label[0] != '\0' && c->value[i] > 0)
			print_value(f, "    ", r->value, r->unit, c->value[i]);
	}
}

/* The bound that part of 100 values of h are not over; 0: none is known. */
static uint64_t
percentile(const struct histogram_row *r, const struct histogram_values *h,
    uint64_t part)
{
	uint64_t total = counters_total(h), below = 0;
	uint64_t want = total / 100 * part + (total % 100 * part + 99) / 100;

	for (size_t i = 0; i < r->bound_count; i++) {
		below += h->bucket[i];
		if (below >= want)
			return r->bounds[i];
	}
	return 0;
}

static void
print_bound(const struct histogram_row *r, const struct histogram_values *h,
    uint64_t part, FILE *f)
{
	uint64_t bound = percentile(r, h, part);
	char text[40], shown[figure_bytes];

	snprintf(text, sizeof(text), "%llu in 100 at most",
	    (unsigned long long)part);
	if (bound == 0)
		snprintf(shown, sizeof(shown), "over %.15g %s",
		    (double)r->bounds[r->bound_count - 1] /
		    (double)r->scale, r->unit);
	else
		snprintf(shown, sizeof(shown), "%.15g%s%s",
		    (double)bound / (double)r->scale,
		    r->unit[0] == '\0' ? "" : " ", r->unit);
	fprintf(f, "    %-*s %*s\n", text_columns - 4, text, value_columns,
	    shown);
}

static void
print_histogram(const struct histogram_row *r,
    const struct histogram_values *h, FILE *f)
{
	static const uint64_t parts[] = { 50, 90, 99 };
	uint64_t total = counters_total(h);

	if (total == 0)
		return;
	print_value(f, "", r->help, "", total);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		print_bound(r, h, parts[i], f);
}


static const char *
key_of(const char *family, const char *unit)
{
	static char key[80];

	snprintf(key, sizeof(key), "%s%s%s", family,
	    unit[0] == '\0' ? "" : "_", unit);
	return key;
}

static void
json_counters(const struct counters *c, struct json_out *j)
{
	bool open = false;

	for (size_t i = 0; i < COUNTER_COUNT; i++) {
		const struct counter_row *r = &counters_rows[i];
		bool first = i == 0 || strcmp(r[-1].family, r->family) != 0;

		if (first && open)
			json_out_end(j);
		if (first)
			open = r->label[0] != '\0';
		if (first && open)
			json_out_object(j, key_of(r->family, r->unit));
		json_out_u64(j, open ? r->value :
		    key_of(r->family, r->unit), c->value[i]);
	}
	if (open)
		json_out_end(j);
}

static void
json_histogram(const struct histogram_row *r,
    const struct histogram_values *h, struct json_out *j)
{
	json_out_object(j, key_of(r->family, r->unit));
	json_out_u64(j, "count", counters_total(h));
	json_out_parts(j, "sum", h->sum, r->scale);
	json_out_array(j, "buckets");
	for (size_t i = 0; i <= r->bound_count; i++) {
		json_out_object(j, NULL);
		if (i < r->bound_count)
			json_out_parts(j, "at_most", r->bounds[i], r->scale);
		else
			json_out_null(j, "at_most");
		json_out_u64(j, "count", h->bucket[i]);
		json_out_end(j);
	}
	json_out_end(j);
	json_out_end(j);
}

void
control_stats_text(const struct master *m, FILE *f)
{
	char up[figure_bytes];

	figure_duration(uptime_ms(m), up);
	fprintf(f, "smtpd %s as %s, counted since its start %s ago\n\n",
	    SMTPD_VERSION, m->conf.hostname, up);
	print_counters(&m->counters, f);
	for (size_t i = 0; i < HISTOGRAM_COUNT; i++)
		print_histogram(&counters_histograms[i],
		    &m->counters.histogram[i], f);
}

void
control_stats_json(const struct master *m, FILE *f)
{
	struct json_out j = { .f = f };

	json_out_object(&j, NULL);
	json_out_string(&j, "version", SMTPD_VERSION);
	json_out_string(&j, "hostname", m->conf.hostname);
	json_out_i64(&j, "time", time(NULL));
	json_out_parts(&j, "uptime_seconds", uptime_ms(m), 1000);
	json_counters(&m->counters, &j);
	for (size_t i = 0; i < HISTOGRAM_COUNT; i++)
		json_histogram(&counters_histograms[i],
		    &m->counters.histogram[i], &j);
	json_out_end(&j);
}

/* ---- OpenMetrics -------------------------------------------------------- */

/* "smtpd_received_bytes": the unit ends the name, where there is one. */
static const char *
name_of(const char *family, const char *unit)
{
	static char name[name_max_bytes];

	snprintf(name, sizeof(name), "smtpd_%s%s%s", family,
	    unit[0] == '\0' ? "" : "_", unit);
	return name;
}

static void
metric_head(const char *family, const char *unit, const char *type,
    const char *help, FILE *f)
{
	const char *name = name_of(family, unit);

	fprintf(f, "# TYPE %s %s\n", name, type);
	if (unit[0] != '\0')
		fprintf(f, "# UNIT %s %s\n", name, unit);
	fprintf(f, "# HELP %s %s\n", name, help);
}

static void
metric_counters(const struct counters *c, FILE *f)
{
	for (size_t i = 0; i < COUNTER_COUNT; i++) {
		const struct counter_row *r = &counters_rows[i];

		if (i == 0 || strcmp(r[-1].family, r->family) != 0)
			metric_head(r->family, r->unit, "counter", r->help, f);
		fprintf(f, "%s_total", name_of(r->family, r->unit));
		if (r->label[0] != '\0')
			fprintf(f, "{%s=\"%s\"}", r->label, r->value);
		fprintf(f, " %llu\n", (unsigned long long)c->value[i]);
	}
}

/* A bound as a float, which OpenMetrics wants: "0.0001", "16.0". */
static void
metric_parts(uint64_t value, uint64_t scale, FILE *f)
{
	char text[40];

	snprintf(text, sizeof(text), "%.15g", (double)value / (double)scale);
	fprintf(f, "%s%s", text, strpbrk(text, ".e") == NULL ? ".0" : "");
}

static void
metric_histogram(const struct histogram_row *r,
    const struct histogram_values *h, FILE *f)
{
	const char *name = name_of(r->family, r->unit);
	uint64_t below = 0;

	metric_head(r->family, r->unit, "histogram", r->help, f);
	for (size_t i = 0; i < r->bound_count; i++) {
		below += h->bucket[i];
		fprintf(f, "%s_bucket{le=\"", name);
		metric_parts(r->bounds[i], r->scale, f);
		fprintf(f, "\"} %llu\n", (unsigned long long)below);
	}
	fprintf(f, "%s_bucket{le=\"+Inf\"} %llu\n", name,
	    (unsigned long long)counters_total(h));
	fprintf(f, "%s_sum ", name);
	metric_parts(h->sum, r->scale, f);
	fprintf(f, "\n%s_count %llu\n", name,
	    (unsigned long long)counters_total(h));
}

static void
metric_gauge(const char *family, const char *unit, const char *help,
    uint64_t value, FILE *f)
{
	metric_head(family, unit, "gauge", help, f);
	fprintf(f, "%s %llu\n", name_of(family, unit),
	    (unsigned long long)value);
}

static void
metric_pool(struct master *m, FILE *f)
{
	struct pool_count c;

	pool_count(m, &c);
	const struct {
		const char	*state;
		uint64_t	 count;
	} workers[] = {
		{ "busy", c.busy }, { "spare", c.idle },
		{ "coming", c.coming }, { "leaving", c.leaving }
	};
	uint64_t count[SESSION_STATE_COUNT];

	(void)control_count_sessions(m, count);
	metric_head("sessions", "", "gauge", "Sessions now, by state", f);
	for (size_t i = 0; i < SESSION_STATE_COUNT; i++)
		fprintf(f, "smtpd_sessions{state=\"%s\"} %llu\n",
		    control_state_words[i], (unsigned long long)count[i]);
	metric_gauge("sessions_max", "", "Sessions at once, at most",
	    m->conf.limits.workers, f);
	metric_head("workers", "", "gauge", "Worker processes now", f);
	for (size_t i = 0; i < sizeof(workers) / sizeof(workers[0]); i++)
		fprintf(f, "smtpd_workers{state=\"%s\"} %llu\n",
		    workers[i].state, (unsigned long long)workers[i].count);
	metric_gauge("addresses_refused", "",
	    "Client addresses that are refused for a while now",
	    address_refused_count(m->book, deadline_now_ms()), f);
}

static void
metric_disk(const struct master *m, FILE *f)
{
	const struct conf_limits *l = &m->conf.limits;
	struct spool_room room;

	if (!spool_room(&m->spool, &room))
		return;
	metric_gauge("disk_free", "bytes", "Free where mail is stored",
	    room.free_bytes, f);
	metric_gauge("disk_reserve", "bytes",
	    "Below so much free space no mail is taken",
	    l->disk_reserve_bytes, f);
	metric_gauge("disk_free_inodes", "", "Free where mail is stored",
	    room.free_inodes, f);
	metric_gauge("disk_reserve_inodes", "",
	    "Below so many free inodes no mail is taken", l->inode_reserve,
	    f);
}

void
control_stats_openmetrics(struct master *m, FILE *f)
{
	/* No "info": for that node_exporter throws the whole file away. */
	metric_head("build_info", "", "gauge", "The server that is asked", f);
	fprintf(f, "smtpd_build_info{version=\"%s\"} 1\n", SMTPD_VERSION);
	metric_gauge("start_time", "seconds", "When the server started",
	    (uint64_t)time(NULL) - uptime_ms(m) / 1000, f);
	metric_counters(&m->counters, f);
	for (size_t i = 0; i < HISTOGRAM_COUNT; i++)
		metric_histogram(&counters_histograms[i],
		    &m->counters.histogram[i], f);
	metric_pool(m, f);
	metric_disk(m, f);
	fprintf(f, "# EOF\n");
}
