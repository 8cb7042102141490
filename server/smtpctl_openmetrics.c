/*
 * OpenMetrics text: a family is its TYPE, UNIT and HELP, then its samples.
 * Names and texts are those of our own tables; check_counters sees to it
 * that none needs an escape.
 */
#include "server/smtpctl_openmetrics.h"

#include <stdio.h>
#include <string.h>

enum { name_max_bytes = 80 };

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
print_head(const char *family, const char *unit, const char *type,
    const char *help)
{
	const char *name = name_of(family, unit);

	printf("# TYPE %s %s\n", name, type);
	if (unit[0] != '\0')
		printf("# UNIT %s %s\n", name, unit);
	printf("# HELP %s %s\n", name, help);
}

static void
print_counters(const struct counters *c)
{
	for (size_t i = 0; i < COUNTER_COUNT; i++) {
		const struct counter_row *r = &counter_rows[i];

		if (i == 0 || strcmp(r[-1].family, r->family) != 0)
			print_head(r->family, r->unit, "counter", r->help);
		printf("%s_total", name_of(r->family, r->unit));
		if (r->label[0] != '\0')
			printf("{%s=\"%s\"}", r->label, r->value);
		printf(" %llu\n", (unsigned long long)c->value[i]);
	}
}

/* A bound as a float, which OpenMetrics wants: "0.0001", "16.0". */
static void
print_parts(uint64_t value, uint64_t scale)
{
	char text[40];

	snprintf(text, sizeof(text), "%.15g", (double)value / (double)scale);
	printf("%s%s", text, strpbrk(text, ".e") == NULL ? ".0" : "");
}

static void
print_histogram(const struct histogram_row *r,
    const struct histogram_values *h)
{
	const char *name = name_of(r->family, r->unit);
	uint64_t below = 0;

	print_head(r->family, r->unit, "histogram", r->help);
	for (size_t i = 0; i < r->bound_count; i++) {
		below += h->bucket[i];
		printf("%s_bucket{le=\"", name);
		print_parts(r->bounds[i], r->scale);
		printf("\"} %llu\n", (unsigned long long)below);
	}
	printf("%s_bucket{le=\"+Inf\"} %llu\n", name,
	    (unsigned long long)counters_total(h));
	printf("%s_sum ", name);
	print_parts(h->sum, r->scale);
	printf("\n%s_count %llu\n", name,
	    (unsigned long long)counters_total(h));
}

static void
print_gauge(const char *family, const char *unit, const char *help,
    uint64_t value)
{
	print_head(family, unit, "gauge", help);
	printf("%s %llu\n", name_of(family, unit), (unsigned long long)value);
}

static void
print_pool(const struct smtpctl_snapshot *s)
{
	const struct ipc_tell_pool *p = &s->pool;
	const struct {
		const char	*state;
		uint64_t	 count;
	} workers[] = {
		{ "busy", p->busy }, { "spare", p->idle },
		{ "coming", p->coming }, { "leaving", p->leaving }
	};

	print_head("sessions", "", "gauge", "Sessions now, by state");
	for (size_t i = 0; i < state_session_count; i++)
		printf("smtpd_sessions{state=\"%s\"} %llu\n",
		    smtpctl_state_words[i],
		    (unsigned long long)p->sessions[i]);
	print_gauge("sessions_max", "", "Sessions at once, at most", p->max);
	print_head("workers", "", "gauge", "Worker processes now");
	for (size_t i = 0; i < sizeof(workers) / sizeof(workers[0]); i++)
		printf("smtpd_workers{state=\"%s\"} %llu\n",
		    workers[i].state, (unsigned long long)workers[i].count);
	print_gauge("addresses_refused", "",
	    "Client addresses that are refused for a while now", p->refused);
}

static void
print_disk(const struct ipc_tell_disk *d)
{
	if (!d->known)
		return;
	print_gauge("disk_free", "bytes", "Free where mail is stored",
	    d->free_bytes);
	print_gauge("disk_reserve", "bytes",
	    "Below so much free space no mail is taken", d->reserve_bytes);
	print_gauge("disk_free_inodes", "", "Free where mail is stored",
	    d->free_inodes);
	print_gauge("disk_reserve_inodes", "",
	    "Below so many free inodes no mail is taken", d->reserve_inodes);
}

void
smtpctl_openmetrics_print(const struct smtpctl_snapshot *s)
{
	print_head("build", "", "info", "The server that is asked");
	printf("smtpd_build_info{version=\"%s\"} 1\n", s->about.version);
	print_gauge("start_time", "seconds", "When the server started",
	    (uint64_t)s->about.now_s - s->about.uptime_ms / 1000);
	print_counters(&s->counters);
	for (size_t i = 0; i < HISTOGRAM_COUNT; i++)
		print_histogram(&histogram_rows[i],
		    &s->counters.histogram[i]);
	print_pool(s);
	print_disk(&s->disk);
	printf("# EOF\n");
}
