/*
 * What smtpctl stats says, written by the master: what it has counted since
 * its start.
 */
#ifndef SERVER_CONTROL_STATS_H
#define SERVER_CONTROL_STATS_H

#include <stdio.h>

#include "server/master.h"

void	control_stats_text(const struct master *m, FILE *f);
/* One JSON object. */
void	control_stats_json(const struct master *m, FILE *f);
/* What a collector such as Prometheus reads, with today's gauges. */
void	control_stats_openmetrics(struct master *m, FILE *f);

#endif
