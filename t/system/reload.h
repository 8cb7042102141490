/*
 * A configuration that is changed under the daemon, SIGHUP, and what becomes
 * of it.
 */
#ifndef T_SYSTEM_RELOAD_H
#define T_SYSTEM_RELOAD_H

#include "t/system/daemon.h"

/* As an editor writes a file: another one takes the place of the old one. */
void	reload_replace(const char *path, const char *text);
/* Puts to in the place of the first from in the configuration. */
void	reload_edit(const struct daemon *d, const char *from, const char *to);
/* SIGHUP, and no more. */
void	reload_hang_up(const struct daemon *d);
/* SIGHUP, and what follows from it: one more event, with these words. */
void	reload_until(const struct daemon *d, const char *event,
	    const char *words);
/* The configuration is taken. */
void	reload_in_order(const struct daemon *d);
/* It is refused with these words, and nothing of it is taken. */
void	reload_refused(const struct daemon *d, const char *words);

#endif
