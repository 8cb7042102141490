/*
 * Changes the configuration of a running daemon, sends SIGHUP, and checks what
 * follows.
 */
#ifndef T_SYSTEM_RELOAD_H
#define T_SYSTEM_RELOAD_H

#include "t/system/daemon.h"

/* Replaces a file by a new one, as an editor does. */
void	reload_replace(const char *path, const char *text);
/* Replaces the first from in the configuration by to. */
void	reload_edit(const struct daemon *d, const char *from, const char *to);
/* Sends SIGHUP, and does not wait. */
void	reload_hang_up(const struct daemon *d);
/* Sends SIGHUP, and waits for one more event, with these words. */
void	reload_until(const struct daemon *d, const char *event,
	    const char *words);
/* Sends SIGHUP; the new configuration is in use. */
void	reload_in_order(const struct daemon *d);
/* Sends SIGHUP; the whole configuration is refused with these words. */
void	reload_refused(const struct daemon *d, const char *words);

#endif
