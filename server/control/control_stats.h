/*
 * What smtpctl stats says, written by the master: what it has counted since
 * its start.
 */
#ifndef SERVER_CONTROL_STATS_H
#define SERVER_CONTROL_STATS_H

#include <stdio.h>

#include "server/master.h"

/*
 * For a person; as one JSON object; or with today's gauges as a collector such
 * as Prometheus reads it.
 */
void	control_stats(struct master *m, enum ipc_form form, FILE *f);

#endif
