/*
 * The counters in the text format of OpenMetrics 1.0, for a collector.
 */
#ifndef SERVER_SMTPCTL_OPENMETRICS_H
#define SERVER_SMTPCTL_OPENMETRICS_H

#include "server/smtpctl_snapshot.h"

/* Prints a whole exposition, "# EOF" included, on standard output. */
void	smtpctl_openmetrics_print(const struct smtpctl_snapshot *s);

#endif
