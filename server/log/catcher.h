/*
 * smtpd -C: shows a person every session and message as it comes.  Everything
 * a client sent is escaped, so that no control character reaches the terminal.
 */
#ifndef SERVER_CATCHER_H
#define SERVER_CATCHER_H

#include <event2/event.h>

#include "server/conf/conf.h"
#include "shared/ipc_msg.h"

/*
 * Uses colours when standard output is a terminal.  From here on writing to it
 * never blocks: lines that nobody reads in time are lost, and their number is
 * shown.  Errors in the log are shown, too.
 */
void	catcher_init(void);
/*
 * Calls catcher_dir_look and catcher_dir_begin for mail and incoming.  From now
 * on lines that wait for a reader are written from the loop of base.  0, or -1
 * and errno.
 */
int	catcher_start(struct event_base *base, int mail, int incoming);
/* Writes the last lines, for a second at most. */
void	catcher_end(void);
/* Shows where mail is taken and where it is kept. */
void	catcher_welcome(const struct conf *conf, const char *address,
	    unsigned port, bool unsandboxed);

/* Each of these shows one event of the session with that id. */
void	catcher_connect(const char *session, const char *client,
	    unsigned port);
/* user NULL: the login failed; is_anybody: any name and password may. */
void	catcher_login(const char *session, const char *user, bool is_anybody);
void	catcher_disconnect(const char *session, const char *how);

struct catcher_room {
	const char	*root;
	uint64_t	 free_bytes, free_inodes;
	uint64_t	 reserve_bytes, reserve_inodes;	/* kept free */
};

/* The disk is nearly full: mail is refused with 452. */
void	catcher_no_room(const char *session, const struct catcher_room *r);
/* The TLS handshake failed. */
void	catcher_tls_failed(const char *session, enum tls_fail why,
	    const char *words);
/* A part of the transcript: a command line, a reply or a remark. */
void	catcher_trace(const char *session, const struct ipc_trace *t);
/*
 * Shows the message of size octets that was stored as file in the Maildir of
 * user below mail; then catcher_kept names each user it is kept for.
 */
void	catcher_message(const char *session, int mail, const char *user,
	    const char *file, uint64_t size);
void	catcher_kept(const char *session, const char *user, const char *file);

#endif
