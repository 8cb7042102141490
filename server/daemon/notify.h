/* Messages to the service manager, by the protocol of sd_notify(3). */
#ifndef SERVER_NOTIFY_H
#define SERVER_NOTIFY_H

#include "server/master.h"

/*
 * Connects to NOTIFY_SOCKET, a path or an abstract name ("@..."), while that is
 * still allowed, and notes WATCHDOG_USEC.  Without NOTIFY_SOCKET, or when the
 * connection fails (which is logged), the other functions do nothing.
 */
void	notify_open(void);
/*
 * We serve (READY=1), also again after notify_reloading.  From the first time
 * on the watchdog is fed.  0, or -1 without memory.
 */
int	notify_ready(struct master *m);
/* Called each second: keeps the status up to date. */
void	notify_second(const struct master *m);
/* The configuration is being read again (RELOADING=1). */
void	notify_reloading(void);
/* We are about to end (STOPPING=1); sent once. */
void	notify_stopping(void);

#endif
