/* Figures for people. */
#include "server/log/figure.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

enum { text_bytes = 40 };

static char *
new_text(void)
{
	static char texts[4][text_bytes];
	static unsigned next;

	return texts[next++ % 4];
}

const char *
figure_size(uint64_t octets)
{
	static const char *const units[] = { "K", "M", "G", "T", "P", "E" };
	uint64_t whole = octets, rest = 0;
	char *out = new_text();
	size_t unit = 0;

	for (; whole >= 1024; unit++) {
		rest = whole % 1024;
		whole /= 1024;
	}
	if (unit == 0)
		snprintf(out, text_bytes, "%" PRIu64 " B", octets);
	else
		snprintf(out, text_bytes, "%" PRIu64 ".%" PRIu64 " %siB",
		    whole, rest * 10 / 1024, units[unit - 1]);
	return out;
}

const char *
figure_duration(uint64_t ms)
{
	unsigned long long s = ms / 1000;
	char *out = new_text();

	if (s < 60)
		snprintf(out, text_bytes, "%llu s", s);
	else if (s < 60 * 60)
		snprintf(out, text_bytes, "%llu min %llu s", s / 60, s % 60);
	else if (s < 24 * 60 * 60)
		snprintf(out, text_bytes, "%llu h %llu min", s / 3600,
		    s / 60 % 60);
	else
		snprintf(out, text_bytes, "%llu d %llu h", s / 86400,
		    s / 3600 % 24);
	return out;
}

const char *
figure_time(int64_t s)
{
	time_t t = (time_t)s;
	char *out = new_text();
	struct tm local;

	if (localtime_r(&t, &local) == NULL || strftime(out,
	    text_bytes, "%Y-%m-%d %H:%M:%S", &local) == 0)
		snprintf(out, text_bytes, "%lld", (long long)s);
	return out;
}

const char *
figure_utc(int64_t s)
{
	time_t t = (time_t)s;
	char *out = new_text();
	struct tm utc;

	return gmtime_r(&t, &utc) == NULL || strftime(out, text_bytes,
	    "%Y-%m-%dT%H:%M:%SZ", &utc) == 0 ? "" : out;
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
