/* The counters as text, JSON and OpenMetrics; none needs an escape. */
#include "server/control/control.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "server/log/figure.h"
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

/* ---- text --------------------------------------------------------------- */

static void
text_row(FILE *f, const char *indent, const char *text, const char *shown)
{
	figure_put(f, "%s%-*s %*s\n", indent, text_columns -
	    (int)strlen(indent), text, value_columns, shown);
}

static void
text_value(FILE *f, const char *indent, const char *text, const char *unit,
    uint64_t value)
{
	char shown[24];

	snprintf(shown, sizeof(shown), "%" PRIu64, value);
	text_row(f, indent, text, strcmp(unit, "bytes") == 0 ?
	    figure_size(value) : shown);
}

/* The bound that part percent of the total values of h do not exceed. */
static void
text_bound(FILE *f, const struct histogram_row *r,
    const struct histogram_values *h, uint64_t total, uint64_t part)
{
	uint64_t below = h->bucket[0];
	uint64_t want = total / 100 * part + (total % 100 * part + 99) / 100;
	char text[40], shown[40];
	size_t i = 0, last = r->bound_count - 1;

	while (below < want && i < last)
		below += h->bucket[++i];
	snprintf(text, sizeof(text), "%" PRIu64 " %% at most", part);
	snprintf(shown, sizeof(shown), "%s%.15g%s%s",
	    below < want ? "over " : "",
	    (double)r->bounds[i] / (double)r->scale,
	    r->unit[0] == '\0' ? "" : " ", r->unit);
	text_row(f, "    ", text, shown);
}

/* ---- OpenMetrics -------------------------------------------------------- */

static void
metric_head(FILE *f, const char *name, const char *unit, const char *type,
    const char *help)
{
	figure_put(f, "# TYPE smtpd_%s %s\n", name, type);
	if (unit[0] != '\0')
		figure_put(f, "# UNIT smtpd_%s %s\n", name, unit);
	figure_put(f, "# HELP smtpd_%s %s\n", name, help);
}

/* A bound as a float, which OpenMetrics wants: "0.0001", "16.0". */
static const char *
metric_float(uint64_t value, uint64_t scale)
{
	static char text[40];

	snprintf(text, sizeof(text), "%.15g", (double)value / (double)scale);
	if (strpbrk(text, ".e") == NULL)
		(void)strlcat(text, ".0", sizeof(text));
	return text;
}

static void
metric_gauge(FILE *f, const char *name, const char *unit, const char *help,
    uint64_t value)
{
	metric_head(f, name, unit, "gauge", help);
	figure_put(f, "smtpd_%s %" PRIu64 "\n", name, value);
}

static void
metric_now(struct master *m, FILE *f)
{
	const struct conf_limits *l = &m->conf.limits;
	uint64_t count[SESSION_STATE_COUNT];
	const uint64_t *c = pool_count(m);
	struct conf_room room;

	(void)control_count_sessions(m, count);
	metric_head(f, "sessions", "", "gauge", "Sessions now, by state");
	for (size_t i = 0; i < SESSION_STATE_COUNT; i++)
		figure_put(f, "smtpd_sessions{state=\"%s\"} %" PRIu64 "\n",
		    session_state_words[i], count[i]);
	metric_gauge(f, "sessions_max", "", "Sessions at once, at most",
	    l->workers);
	metric_head(f, "workers", "", "gauge", "Worker processes now");
	figure_put(f, "smtpd_workers{state=\"busy\"} %" PRIu64 "\n"
	    "smtpd_workers{state=\"spare\"} %" PRIu64 "\n"
	    "smtpd_workers{state=\"coming\"} %" PRIu64 "\n"
	    "smtpd_workers{state=\"leaving\"} %" PRIu64 "\n",
	    c[POOL_BUSY], c[POOL_IDLE], c[POOL_COMING], c[POOL_LEAVING]);
	metric_gauge(f, "addresses_refused", "",
	    "Client addresses that are refused for a while now",
	    address_refused_count(m->book, deadline_now_ms()));
	if (spool_room(m->spool, &room)) {
		metric_gauge(f, "disk_free_bytes", "bytes",
		    "Free where mail is stored", room.free_bytes);
		metric_gauge(f, "disk_reserve_bytes", "bytes", "Below so much "
		    "free space no mail is taken", l->disk_reserve_bytes);
		metric_gauge(f, "disk_free_inodes", "",
		    "Free where mail is stored", room.free_inodes);
		metric_gauge(f, "disk_reserve_inodes", "", "Below so many "
		    "free inodes no mail is taken", l->inode_reserve);
	}
	fprintf(f, "# EOF\n");
}

/* ---- in all forms ------------------------------------------------------- */

/* Families of counters; as text with the sum, then all that are not 0. */
static void
tell_counters(const uint64_t value[COUNTER_COUNT], struct control_out *o)
{
	const char *name = "", *previous = "";

	for (size_t i = 0; i < COUNTER_COUNT; i++) {
		const struct counter_row *r = &counters_rows[i];
		const bool labelled = r->label[0] != '\0';
		size_t end = i;
		uint64_t sum = 0;

		while (end < COUNTER_COUNT && strcmp(r->family,
		    counters_rows[end].family) == 0)
			sum += value[end++];
		if (strcmp(r->family, previous) != 0) {
			name = name_of(r->family, r->unit);
			text_value(o->f, "", r->help, r->unit, sum);
			metric_head(o->metrics, name, r->unit, "counter",
			    r->help);
			if (labelled)
				json_out_object(&o->j, name);
		}
		previous = r->family;
		if (labelled && value[i] > 0)
			text_value(o->f, "    ", r->value, r->unit, value[i]);
		figure_put(o->metrics, labelled ? "smtpd_%s_total{%s=\"%s\"}" :
		    "smtpd_%s_total", name, r->label, r->value);
		figure_put(o->metrics, " %" PRIu64 "\n", value[i]);
		json_out_u64(&o->j, labelled ? r->value : name, value[i]);
		if (labelled && end == i + 1)
			json_out_end(&o->j);
	}
}

static void
tell_histogram(const struct histogram_row *r,
    const struct histogram_values *h, struct control_out *o)
{
	const char *name = name_of(r->family, r->unit);
	uint64_t below = 0, total = h->count;

	if (total > 0) {
		text_value(o->f, "", r->help, "", total);
		text_bound(o->f, r, h, total, 50);
		text_bound(o->f, r, h, total, 90);
		text_bound(o->f, r, h, total, 99);
	}
	metric_head(o->metrics, name, r->unit, "histogram", r->help);
	json_out_object(&o->j, name);
	json_out_u64(&o->j, "count", total);
	json_out_parts(&o->j, "sum", h->sum, r->scale);
	json_out_array(&o->j, "buckets");
	for (size_t i = 0; i <= r->bound_count; i++) {
		const bool last = i == r->bound_count;

		below += h->bucket[i];
		figure_put(o->metrics, "smtpd_%s_bucket{le=\"%s\"} %" PRIu64
		    "\n", name, last ? "+Inf" : metric_float(r->bounds[i],
		    r->scale), last ? total : below);
		json_out_object(&o->j, NULL);
		if (last)
			json_out_null(&o->j, "at_most");
		else
			json_out_parts(&o->j, "at_most", r->bounds[i],
			    r->scale);
		json_out_u64(&o->j, "count", h->bucket[i]);
		json_out_end(&o->j);
	}
	json_out_end(&o->j);
	json_out_end(&o->j);
	figure_put(o->metrics, "smtpd_%s_sum %s\nsmtpd_%s_count %" PRIu64 "\n",
	    name, metric_float(h->sum, r->scale), name, total);
}

void
control_stats(struct master *m, struct control_out *o)
{
	uint64_t up_ms = (uint64_t)(deadline_now_ms() - m->start_ms);

	figure_put(o->f, "smtpd %s as %s, counted since its start %s ago\n\n",
	    SMTPD_VERSION, m->conf.hostname, figure_duration(up_ms));
	json_out_object(&o->j, NULL);
	json_out_string(&o->j, "version", SMTPD_VERSION);
	json_out_string(&o->j, "hostname", m->conf.hostname);
	json_out_i64(&o->j, "time", time(NULL));
	json_out_parts(&o->j, "uptime_seconds", up_ms, 1000);
	/* Not type "info": node_exporter rejects a file with it. */
	metric_head(o->metrics, "build_info", "", "gauge",
	    "The server that is asked");
	figure_put(o->metrics, "smtpd_build_info{version=\"%s\"} 1\n",
	    SMTPD_VERSION);
	metric_gauge(o->metrics, "start_time_seconds", "seconds",
	    "When the server started", (uint64_t)time(NULL) - up_ms / 1000);
	tell_counters(m->counters.value, o);
	for (size_t i = 0; i < HISTOGRAM_COUNT; i++)
		tell_histogram(&counters_histograms[i],
		    &m->counters.histogram[i], o);
	json_out_end(&o->j);
	if (o->metrics != NULL)
		metric_now(m, o->metrics);
}
