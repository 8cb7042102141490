/*
 * What a running master's loop does beside its sessions: signals, the log's
 * lines, and what is due each second.
 */
#ifndef SERVER_LOOP_H
#define SERVER_LOOP_H

#include "server/master.h"

/*
 * Comes after m->base is made and all that the signals' handlers stop.  From
 * now on log lines gather for a turn of the loop, and the message log is made
 * durable every second.  SIGHUP calls hangup.  Ends m after limits.inetd_wait_s
 * without a session, once m->ends_idle is set.  0, or -1 without memory.
 */
int	loop_start(struct master *m, void (*hangup)(struct master *m));
/*
 * Messages to the service manager, by the protocol of sd_notify(3).
 *
 * Connects to NOTIFY_SOCKET, a path or an abstract name ("@..."), while that is
 * still allowed, and notes WATCHDOG_USEC.  Without NOTIFY_SOCKET, or when the
 * connection fails (which is logged), nothing is sent.
 */
void	loop_notify_open(void);
/*
 * We serve (READY=1), also again after RELOADING=1.  From the first time on the
 * watchdog is fed.  0, or -1 without memory.
 */
int	loop_notify_ready(struct master *m);
/* The configuration is being read again (RELOADING=1). */
void	loop_notify_reloading(void);
/* Shuts down, as SIGTERM does. */
void	loop_stop(struct master *m);
/* At the end: makes the message log durable, and writes the gathered lines. */
void	loop_end(struct master *m);

#endif
