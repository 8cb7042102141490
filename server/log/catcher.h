/*
 * smtpd -C: shows a person every session and message as it comes.  All that
 * a client sent is printed through one escape, so that no control character
 * reaches the terminal.
 */
#ifndef SERVER_CATCHER_H
#define SERVER_CATCHER_H

#include <event2/event.h>

#include "server/conf/conf.h"
#include "shared/ipc_msg.h"

/*
 * Colours, when standard output is a terminal.  It is written to without
 * waiting from here on: what nobody reads in time is lost, counted and said.
 * Errors in the log are shown, too.
 */
void	catcher_init(void);
/*
 * Looks at the directory that is open as mail, and what comes from now on is
 * this catcher's; what waits for a reader is written from the loop of base.  0,
 * or -1 and errno.
 */
int	catcher_start(struct event_base *base, int mail, int incoming);
/* The last lines go out, for a second at most. */
void	catcher_end(void);
/* Where mail is taken and where it is kept. */
void	catcher_welcome(const struct conf *conf, const char *address,
	    unsigned port, bool unsandboxed);

/* Of the session with that id each of these says one thing. */
void	catcher_connect(const char *session, const char *client,
	    unsigned port);
/* user NULL: the login failed; is_anybody: every name and password does. */
void	catcher_login(const char *session, const char *user, bool is_anybody);
void	catcher_disconnect(const char *session, const char *how);

struct catcher_room {
	const char	*root;
	uint64_t	 free_bytes, free_inodes;
	uint64_t	 reserve_bytes, reserve_inodes;	/* stay free */
};

/* Mail is refused with 452. */
void	catcher_no_room(const char *session, const struct catcher_room *r);
/* No TLS came about. */
void	catcher_tls_failed(const char *session, enum tls_fail why,
	    const char *words);
/* What was said: a command line, or a reply. */
void	catcher_trace(const char *session, const struct ipc_trace *t);
/*
 * A message of size octets has been stored as that file, in the Maildir of
 * user below mail; and for whom else.
 */
void	catcher_message(const char *session, int mail, const char *user,
	    const char *file, uint64_t size);
void	catcher_kept(const char *session, const char *user, const char *file);

#endif
