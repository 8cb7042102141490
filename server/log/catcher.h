/*
 * smtpd -C: shows a person every session and message as it comes.  All that
 * a client sent is printed through one escape, so that no control character
 * reaches the terminal.
 */
#ifndef SERVER_CATCHER_H
#define SERVER_CATCHER_H

#include "server/master.h"

/*
 * Colours, when standard output is a terminal.  It is written to without
 * waiting from here on: what nobody reads in time is lost, counted and said.
 * Errors in the log are shown, too.
 */
void	catcher_init(void);
/*
 * Looks at the directory, and what comes from now on is this catcher's; what
 * waits for a reader is written from m's loop.  0, or -1 and errno.
 */
int	catcher_start(struct master *m);
/* The last lines go out, for a second at most. */
void	catcher_end(void);
/* Where mail is taken and where it is kept. */
void	catcher_welcome(const struct master *m, const char *address,
	    unsigned port);
void	catcher_connect(const struct session *s);
/* Somebody has logged in as s->user, or has not. */
void	catcher_login(const struct session *s, bool in);
void	catcher_disconnect(const struct session *s, const char *how);
/* Mail of s is refused with 452: why. */
void	catcher_no_room(const struct master *m, const struct session *s);
/* No TLS came about. */
void	catcher_tls_failed(const struct session *s, enum tls_fail why,
	    const char *words);
/* What was said: a command line, or a reply. */
void	catcher_trace(const struct session *s, const struct ipc_trace *t);
/* The message of s, which has just been stored. */
void	catcher_message(const struct master *m, const struct session *s);

#endif
