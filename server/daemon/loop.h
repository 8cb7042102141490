/*
 * What the master's loop does beside its sessions: signals, the log's lines,
 * the service manager, and what is due each second.
 */
#ifndef SERVER_LOOP_H
#define SERVER_LOOP_H

#include "server/master.h"

/*
 * Comes after all that the signals' handlers stop.  From now on log lines
 * gather for a turn of the loop, and the message log is made durable every
 * second.  SIGHUP calls hangup.  With m->ends_idle the loop ends after
 * limits.inetd_wait_s without a session.  0, or -1 without memory.
 */
int	loop_start(struct master *m, void (*hangup)(struct master *m));
/*
 * Connects to NOTIFY_SOCKET (sd_notify(3)), while that is still allowed, and
 * notes WATCHDOG_USEC.  Without a connection nothing is sent.
 */
void	loop_notify_open(void);
/* READY=1; from now on the watchdog is fed.  0, or -1 without memory. */
int	loop_notify_ready(struct master *m);
/* RELOADING=1, which loop_notify_ready ends. */
void	loop_notify_reloading(void);
/* Shuts down, as SIGTERM does. */
void	loop_stop(struct master *m);
/* Makes the message log durable, and writes the gathered lines. */
void	loop_end(struct master *m);

#endif
