/*
 * The events of the log against the table of smtpd(8).
 */
#ifndef T_SYSTEM_EVENTS_H
#define T_SYSTEM_EVENTS_H

#include "t/system/daemon.h"

/*
 * Every line of the log file at path must be an event of the table, with all
 * the keys it has to have, and none that are not its own; or the test fails.
 * Lines that begin with no time are not the log's.
 */
void	events_check(const char *path);
/*
 * The log of d in the words of Postfix: what server/init/postfix.awk makes of
 * it and the message log.  free(3).
 */
char	*events_as_postfix(const struct daemon *d);

#endif
