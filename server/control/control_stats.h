/*
 * What smtpctl stats says: the counters of the master since its start.
 */
#ifndef SERVER_CONTROL_STATS_H
#define SERVER_CONTROL_STATS_H

#include <stdio.h>

#include "server/master.h"

/*
 * Writes text for a person; one JSON object; or OpenMetrics, with gauges of
 * this moment, for a collector such as Prometheus.
 */
void	control_stats(struct master *m, enum ipc_form form, FILE *f);

#endif
