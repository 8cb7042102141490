/*
 * The counters for people, as JSON, and as OpenMetrics text.
 *
 * In OpenMetrics a family is its TYPE, UNIT and HELP, then its samples.
 * Names and texts are those of our own tables; check_counters sees to it
 * that none needs an escape.
 */
#include "server/control/control_stats.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "server/control/control_list.h"
#include "server/log/figure.h"
#include "server/mail/spool.h"
#include "shared/deadline.h"

enum { text_columns = 58, value_columns = 16, name_max_bytes = 80 };

/* "received_bytes": the unit ends the name, where there is one. */
static const char *
name_of(const char *family, const char *unit)
{
	static char name[name_max_bytes];

	snprintf(name, sizeof(name), "%s%s%s", family,
	    unit[0] == '\0' ? "" : "_", unit);
	return name;
}

/* Is the counter the first of its family? */
static bool
is_first(size_t i)
{
	return i == 0 || strcmp(counters_rows[i - 1].family,
	    counters_rows[i].family) != 0;
}

/* ---- as text ------------------------------------------------------------ */

static void
put_row(FILE *f, const char *indent, const char *text, const char *shown)
{
	fprintf(f, "%s%-*s %*s\n", indent,
	    text_columns - (int)strlen(indent), text, value_columns, shown);
}

static void
put_value(FILE *f, const char *indent, const char *text, const char *unit,
    uint64_t value)
{
	char shown[figure_bytes];

	if (strcmp(unit, "bytes") == 0)
		figure_size(value, shown);
	else
		snprintf(shown, sizeof(shown), "%" PRIu64, value);
	put_row(f, indent, text, shown);
}

/* A labelled family: its sum, then each of its counters that is not 0. */
static void
put_counters(const struct counters *c, FILE *f)
{
	for (size_t i = 0; i < COUNTER_COUNT; i++) {
		const struct counter_row *r = &counters_rows[i];
		uint64_t sum = c->value[i];

		for (size_t k = i + 1; k < COUNTER_COUNT && !is_first(k); k++)
			sum += c->value[k];
		if (is_first(i))
			put_value(f, "", r->help, r->unit, sum);
		if (r->label[0] != '\0' && c->value[i] > 0)
			put_value(f, "    ", r->value, r->unit, c->value[i]);
	}
}

/* The bound that part percent of the values of h do not exceed. */
static void
put_bound(const struct histogram_row *r, const struct histogram_values *h,
    uint64_t part, FILE *f)
{
	uint64_t total = counters_total(h), below = h->bucket[0];
	uint64_t want = total / 100 * part + (total % 100 * part + 99) / 100;
	char text[40], shown[figure_bytes];
	size_t i = 0, last = r->bound_count - 1;

	while (below < want && i < last)
		below += h->bucket[++i];
	snprintf(text, sizeof(text), "%" PRIu64 " %% at most", part);
	snprintf(shown, sizeof(shown), "%s%.15g%s%s",
	    below < want ? "over " : "",
	    (double)r->bounds[i] / (double)r->scale,
	    r->unit[0] == '\0' ? "" : " ", r->unit);
	put_row(f, "    ", text, shown);
}

static void
put_histogram(const struct histogram_row *r,
    const struct histogram_values *h, FILE *f)
{
	uint64_t total = counters_total(h);

	if (total == 0)
		return;
	put_value(f, "", r->help, "", total);
	put_bound(r, h, 50, f);
	put_bound(r, h, 90, f);
	put_bound(r, h, 99, f);
}

/* ---- as JSON ------------------------------------------------------------ */

static void
json_counters(const struct counters *c, struct json_out *j)
{
	bool open = false;

	for (size_t i = 0; i < COUNTER_COUNT; i++) {
		const struct counter_row *r = &counters_rows[i];

		if (is_first(i) && open)
			json_out_end(j);
		if (is_first(i)) {
			open = r->label[0] != '\0';
			if (open)
				json_out_object(j, name_of(r->family,
				    r->unit));
		}
		json_out_u64(j, open ? r->value :
		    name_of(r->family, r->unit), c->value[i]);
	}
	if (open)
		json_out_end(j);
}

static void
json_histogram(const struct histogram_row *r,
    const struct histogram_values *h, struct json_out *j)
{
	json_out_object(j, name_of(r->family, r->unit));
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

/* ---- OpenMetrics -------------------------------------------------------- */

static void
metric_head(const char *name, const char *unit, const char *type,
    const char *help, FILE *f)
{
	fprintf(f, "# TYPE smtpd_%s %s\n", name, type);
	if (unit[0] != '\0')
		fprintf(f, "# UNIT smtpd_%s %s\n", name, unit);
	fprintf(f, "# HELP smtpd_%s %s\n", name, help);
}

static void
metric_counters(const struct counters *c, FILE *f)
{
	for (size_t i = 0; i < COUNTER_COUNT; i++) {
		const struct counter_row *r = &counters_rows[i];
		const char *name = name_of(r->family, r->unit);

		if (is_first(i))
			metric_head(name, r->unit, "counter", r->help, f);
		fprintf(f, "smtpd_%s_total", name);
		if (r->label[0] != '\0')
			fprintf(f, "{%s=\"%s\"}", r->label, r->value);
		fprintf(f, " %" PRIu64 "\n", c->value[i]);
	}
}

/* A bound as a float, which OpenMetrics wants: "0.0001", "16.0". */
static void
metric_parts(uint64_t value, uint64_t scale, const char *behind, FILE *f)
{
	char text[40];

	snprintf(text, sizeof(text), "%.15g", (double)value / (double)scale);
	fprintf(f, "%s%s%s", text, strpbrk(text, ".e") == NULL ? ".0" : "",
	    behind);
}

static void
metric_histogram(const struct histogram_row *r,
    const struct histogram_values *h, FILE *f)
{
	const char *name = name_of(r->family, r->unit);
	uint64_t below = 0, total = counters_total(h);

	metric_head(name, r->unit, "histogram", r->help, f);
	for (size_t i = 0; i < r->bound_count; i++) {
		below += h->bucket[i];
		fprintf(f, "smtpd_%s_bucket{le=\"", name);
		metric_parts(r->bounds[i], r->scale, "\"} ", f);
		fprintf(f, "%" PRIu64 "\n", below);
	}
	fprintf(f, "smtpd_%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, total);
	fprintf(f, "smtpd_%s_sum ", name);
	metric_parts(h->sum, r->scale, "\n", f);
	fprintf(f, "smtpd_%s_count %" PRIu64 "\n", name, total);
}

static void
metric_gauge(const char *name, const char *unit, const char *help,
    uint64_t value, FILE *f)
{
	metric_head(name, unit, "gauge", help, f);
	fprintf(f, "smtpd_%s %" PRIu64 "\n", name, value);
}

static void
metric_now(struct master *m, FILE *f)
{
	static const char workers[] = "smtpd_workers{state=";
	const struct conf_limits *l = &m->conf.limits;
	uint64_t count[SESSION_STATE_COUNT];
	struct pool_count c;
	struct spool_room room;

	(void)control_count_sessions(m, count);
	metric_head("sessions", "", "gauge", "Sessions now, by state", f);
	for (size_t i = 0; i < SESSION_STATE_COUNT; i++)
		fprintf(f, "smtpd_sessions{state=\"%s\"} %" PRIu64 "\n",
		    session_state_words[i], count[i]);
	metric_gauge("sessions_max", "", "Sessions at once, at most",
	    l->workers, f);
	pool_count(m, &c);
	metric_head("workers", "", "gauge", "Worker processes now", f);
	fprintf(f, "%s\"busy\"} %" PRIu64 "\n", workers, c.busy);
	fprintf(f, "%s\"spare\"} %" PRIu64 "\n", workers, c.idle);
	fprintf(f, "%s\"coming\"} %" PRIu64 "\n", workers, c.coming);
	fprintf(f, "%s\"leaving\"} %" PRIu64 "\n", workers, c.leaving);
	metric_gauge("addresses_refused", "",
	    "Client addresses that are refused for a while now",
	    address_refused_count(m->book, deadline_now_ms()), f);
	if (!spool_room(m->spool, &room))
		return;
	metric_gauge("disk_free_bytes", "bytes", "Free where mail is stored",
	    room.free_bytes, f);
	metric_gauge("disk_reserve_bytes", "bytes",
	    "Below so much free space no mail is taken",
	    l->disk_reserve_bytes, f);
	metric_gauge("disk_free_inodes", "", "Free where mail is stored",
	    room.free_inodes, f);
	metric_gauge("disk_reserve_inodes", "",
	    "Below so many free inodes no mail is taken", l->inode_reserve,
	    f);
}

/* ---- in all forms ------------------------------------------------------- */

static void
begin(const struct master *m, enum ipc_form form, struct json_out *j, FILE *f)
{
	uint64_t up_ms = control_age_ms(m->start_ms);
	char up[figure_bytes];

	if (form == FORM_JSON) {
		json_out_object(j, NULL);
		json_out_string(j, "version", SMTPD_VERSION);
		json_out_string(j, "hostname", m->conf.hostname);
		json_out_i64(j, "time", time(NULL));
		json_out_parts(j, "uptime_seconds", up_ms, 1000);
		json_counters(&m->counters, j);
	} else if (form == FORM_OPENMETRICS) {
		/* Not type "info": node_exporter rejects a file with it. */
		metric_head("build_info", "", "gauge",
		    "The server that is asked", f);
		fprintf(f, "smtpd_build_info{version=\"%s\"} 1\n",
		    SMTPD_VERSION);
		metric_gauge("start_time_seconds", "seconds",
		    "When the server started",
		    (uint64_t)time(NULL) - up_ms / 1000, f);
		metric_counters(&m->counters, f);
	} else {
		figure_duration(up_ms, up);
		fprintf(f, "smtpd %s as %s, counted since its start %s ago\n\n",
		    SMTPD_VERSION, m->conf.hostname, up);
		put_counters(&m->counters, f);
	}
}

void
control_stats(struct master *m, enum ipc_form form, FILE *f)
{
	struct json_out j = { .f = f };

	begin(m, form, &j, f);
	for (size_t i = 0; i < HISTOGRAM_COUNT; i++) {
		const struct histogram_row *r = &counters_histograms[i];
		const struct histogram_values *h = &m->counters.histogram[i];

		if (form == FORM_JSON)
			json_histogram(r, h, &j);
		else if (form == FORM_OPENMETRICS)
			metric_histogram(r, h, f);
		else
			put_histogram(r, h, f);
	}
	if (form == FORM_JSON)
		json_out_end(&j);
	if (form != FORM_OPENMETRICS)
		return;
	metric_now(m, f);
	fprintf(f, "# EOF\n");
}
