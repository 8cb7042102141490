/* Figures for people. */
#include "server/log/figure.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

void
figure_size(uint64_t octets, char out[figure_bytes])
{
	static const char *const units[] = { "K", "M", "G", "T", "P", "E" };
	uint64_t whole = octets, rest = 0;
	size_t unit = 0;

	for (; whole >= 1024; unit++) {
		rest = whole % 1024;
		whole /= 1024;
	}
	if (unit == 0)
		snprintf(out, figure_bytes, "%" PRIu64 " B", octets);
	else
		snprintf(out, figure_bytes, "%" PRIu64 ".%" PRIu64 " %siB",
		    whole, rest * 10 / 1024, units[unit - 1]);
}

void
figure_duration(uint64_t ms, char out[figure_bytes])
{
	unsigned long long s = ms / 1000;

	if (s < 60)
		snprintf(out, figure_bytes, "%llu s", s);
	else if (s < 60 * 60)
		snprintf(out, figure_bytes, "%llu min %llu s", s / 60,
		    s % 60);
	else if (s < 24 * 60 * 60)
		snprintf(out, figure_bytes, "%llu h %llu min",
		    s / 3600, s / 60 % 60);
	else
		snprintf(out, figure_bytes, "%llu d %llu h",
		    s / 86400, s / 3600 % 24);
}

void
figure_time(int64_t s, char out[figure_bytes])
{
	time_t t = (time_t)s;
	struct tm local;

	if (localtime_r(&t, &local) == NULL || strftime(out,
	    figure_bytes, "%Y-%m-%d %H:%M:%S", &local) == 0)
		snprintf(out, figure_bytes, "%lld", (long long)s);
}

void
figure_utc(int64_t s, char out[figure_bytes])
{
	time_t t = (time_t)s;
	struct tm utc;

	if (gmtime_r(&t, &utc) == NULL || strftime(out, figure_bytes,
	    "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
		out[0] = '\0';
}

void
figure_put(FILE *f, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	if (f != NULL)
		vfprintf(f, format, ap);
	va_end(ap);
}

const char *
figure_plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}
