/* smtpd -C: shows a person every session and message as it comes, escaped. */
#ifndef SERVER_CATCHER_H
#define SERVER_CATCHER_H

#include <time.h>

#include "server/conf/conf.h"
#include "shared/ipc.h"

struct event_base;

/* What a line is: it has a mark and a colour for each. */
enum catcher_kind {
	CATCHER_GOOD,
	CATCHER_BAD,
	CATCHER_EVENT,
	CATCHER_ERROR,		/* of the log */
	CATCHER_CLIENT,		/* the dialogue */
	CATCHER_SERVER,
	CATCHER_REFUSAL,
	CATCHER_HEADER,		/* a message */
	CATCHER_BODY,
	CATCHER_MORE,
	CATCHER_KEPT
};

/* Never waits for output: what nobody reads in time is lost and counted. */
void	catcher_init(void);
/* Looks at what mail holds, and begins there, with base.  0, or -1, errno. */
int	catcher_start(struct event_base *base, int mail, int incoming);
/* Writes the last lines, for a second at most. */
void	catcher_end(void);
/* Shows where mail is taken and where it is kept. */
void	catcher_welcome(const struct conf *conf, const char *address,
	    unsigned port, bool unsandboxed);
/* Shows a line about a session; NULL: about none. */
void	catcher_say(const char *session, enum catcher_kind kind,
	    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Shows a part of the transcript: a command line, a reply or a remark. */
void	catcher_trace(const char *session, const struct ipc_trace *t);
/* Shows the message of size octets, file in the Maildir of user below mail. */
void	catcher_message(const char *session, int mail, const char *user,
	    const char *file, uint64_t size);

/* ---- the directory, in catcher_dir.c, for smtpctl, too ------------------- */

/* "$TMPDIR/smtpd-catcher-UID" (or /tmp), of the user that it becomes. */
void	catcher_dir_default(char *out, size_t n);
/* Locks incoming; without another catcher, mail counts from now.  0, or -1. */
int	catcher_dir_begin(int dir, int incoming);
/* False: no catcher ever ran in dir.  tv_sec of *out is 0: none runs now. */
bool	catcher_dir_since(const char *dir, struct timespec *out);
/* Is dir ours, root's, our catcher's, missing, or closed to others? */
bool	catcher_dir_is_ours(const char *dir);

#endif
