/*
 * Compares the events of the log with the table of smtpd(8).
 */
#ifndef T_SYSTEM_EVENTS_H
#define T_SYSTEM_EVENTS_H

#include "t/system/daemon.h"

/*
 * Fails the test unless every line of the log file at path is an event of the
 * table, with all keys that it requires and none that it does not list.  Lines
 * that do not begin with a time are ignored.
 */
void	events_check(const char *path);
/*
 * The log of d in the words of Postfix: the output of server/init/postfix.awk
 * for it and the message log; for the caller to free.
 */
char	*events_as_postfix(const struct daemon *d);

#endif
