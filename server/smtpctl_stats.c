/*
 * The counters for people and as JSON.
 */
#include "server/smtpctl_stats.h"

#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "server/smtpctl_await.h"
#include "server/smtpctl_json.h"
#include "server/smtpctl_openmetrics.h"
#include "server/smtpctl_text.h"

enum { text_columns = 58, value_columns = 16 };

static void
print_value(const char *indent, const char *text, const char *unit,
    uint64_t value)
{
	char shown[smtpctl_text_bytes];

	if (strcmp(unit, "bytes") == 0)
		smtpctl_text_size(value, shown);
	else
		snprintf(shown, sizeof(shown), "%llu",
		    (unsigned long long)value);
	printf("%s%-*s %*s\n", indent,
	    text_columns - (int)strlen(indent), text, value_columns, shown);
}

static uint64_t
family_sum(const struct counters *c, const char *family)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < COUNTER_COUNT; i++)
		if (strcmp(counter_rows[i].family, family) == 0)
			sum += c->value[i];
	return sum;
}

/* A family that is labelled: its sum, then those of it that are not 0. */
static void
print_counters(const struct counters *c)
{
	for (size_t i = 0; i < COUNTER_COUNT; i++) {
		const struct counter_row *r = &counter_rows[i];

		if (i == 0 || strcmp(r[-1].family, r->family) != 0)
			print_value("", r->help, r->unit,
			    family_sum(c, r->family));
		if (r->label[0] != '\0' && c->value[i] > 0)
			print_value("    ", r->value, r->unit, c->value[i]);
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
    uint64_t part)
{
	uint64_t bound = percentile(r, h, part);
	char text[40], shown[smtpctl_text_bytes];

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
	printf("    %-*s %*s\n", text_columns - 4, text, value_columns,
	    shown);
}

static void
print_histogram(const struct histogram_row *r,
    const struct histogram_values *h)
{
	static const uint64_t parts[] = { 50, 90, 99 };
	uint64_t total = counters_total(h);

	if (total == 0)
		return;
	print_value("", r->help, "", total);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		print_bound(r, h, parts[i]);
}

static void
print_stats(const struct smtpctl_snapshot *s)
{
	char up[smtpctl_text_bytes];

	smtpctl_text_duration(s->about.uptime_ms, up);
	printf("smtpd %s as %s, counted since its start %s ago\n\n",
	    s->about.version, s->about.hostname, up);
	print_counters(&s->counters);
	for (size_t i = 0; i < HISTOGRAM_COUNT; i++)
		print_histogram(&histogram_rows[i],
		    &s->counters.histogram[i]);
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
json_counters(const struct counters *c)
{
	bool open = false;

	for (size_t i = 0; i < COUNTER_COUNT; i++) {
		const struct counter_row *r = &counter_rows[i];
		bool first = i == 0 || strcmp(r[-1].family, r->family) != 0;

		if (first && open)
			smtpctl_json_end();
		if (first)
			open = r->label[0] != '\0';
		if (first && open)
			smtpctl_json_object(key_of(r->family, r->unit));
		smtpctl_json_u64(open ? r->value :
		    key_of(r->family, r->unit), c->value[i]);
	}
	if (open)
		smtpctl_json_end();
}

static void
json_histogram(const struct histogram_row *r,
    const struct histogram_values *h)
{
	smtpctl_json_object(key_of(r->family, r->unit));
	smtpctl_json_u64("count", counters_total(h));
	smtpctl_json_parts("sum", h->sum, r->scale);
	smtpctl_json_array("buckets");
	for (size_t i = 0; i <= r->bound_count; i++) {
		smtpctl_json_object(NULL);
		if (i < r->bound_count)
			smtpctl_json_parts("at_most", r->bounds[i], r->scale);
		else
			smtpctl_json_null("at_most");
		smtpctl_json_u64("count", h->bucket[i]);
		smtpctl_json_end();
	}
	smtpctl_json_end();
	smtpctl_json_end();
}

static void
json_stats(const struct smtpctl_snapshot *s)
{
	smtpctl_json_object(NULL);
	smtpctl_json_string("version", s->about.version);
	smtpctl_json_string("hostname", s->about.hostname);
	smtpctl_json_i64("time", s->about.now_s);
	smtpctl_json_parts("uptime_seconds", s->about.uptime_ms, 1000);
	json_counters(&s->counters);
	for (size_t i = 0; i < HISTOGRAM_COUNT; i++)
		json_histogram(&histogram_rows[i],
		    &s->counters.histogram[i]);
	smtpctl_json_end();
}

int
smtpctl_stats(int argc, char *argv[])
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "openmetrics", no_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 }
	};
	static struct smtpctl_control c;
	static struct smtpctl_snapshot s;
	int opt, form = 0;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "f:jos:", longs, NULL)) != -1)
		if (opt == 'f')
			c.place.conf = optarg;
		else if (opt == 's')
			c.place.socket = optarg;
		else if (opt != '?' && (form == 0 || form == opt))
			form = opt;
		else
			return -1;
	if (optind < argc)
		return -1;
	if (!smtpctl_snapshot_stats(&c, &s)) {
		warnx("%s", c.problem);
		return 1;
	}
	smtpctl_control_close(&c);
	if (form == 'j')
		json_stats(&s);
	else if (form == 'o')
		smtpctl_openmetrics_print(&s);
	else
		print_stats(&s);
	if (fflush(stdout) == EOF)
		err(smtpctl_exit_error, "standard output");
	return 0;
}
