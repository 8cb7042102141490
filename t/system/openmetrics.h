/*
 * A strict reader of OpenMetrics text (version 1.0), for the subset that smtpd
 * writes: counters, gauges, histograms and info.
 */
#ifndef T_SYSTEM_OPENMETRICS_H
#define T_SYSTEM_OPENMETRICS_H

#include <stddef.h>

enum { openmetrics_samples_max = 512 };

struct openmetrics {
	size_t	families;
	size_t	count;
	struct {
		char	series[160];	/* "name{label=\"value\"}", or "name" */
		double	value;
	} samples[openmetrics_samples_max];
};

/*
 * Reads all of text.  NULL, or what is wrong with it, and in which line, in
 * static storage.
 */
const char *openmetrics_read(const char *text, struct openmetrics *out);
/* The value of a series; -1 when there is none. */
double	openmetrics_value(const struct openmetrics *m, const char *series);

#endif
