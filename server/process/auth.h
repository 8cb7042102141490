/*
 * The master's end of the auth process, which has the passwords; no worker has
 * a channel to it.
 */
#ifndef SERVER_AUTH_H
#define SERVER_AUTH_H

#include "server/master.h"

/* The module that asks: m->auth_owner, set before the process starts. */
struct auth_owner {
	/*
	 * Writes the next question to *out, which is zero, but for its ticket.
	 * False: there is none; helper_tell() once there is.
	 */
	bool	(*next)(struct master *m, struct ipc_password *out);
	/* The answer to the last question; the next comes after it. */
	void	(*on_answer)(struct master *m, enum smtp_reply answer);
	/* It has ended, and has no answer; again: it starts again at once. */
	void	(*on_lost)(struct master *m, bool again);
};

/*
 * Sends the passwords of the current configuration, and wipes them here once
 * the auth process has them all; until then the previous ones stay in use.
 */
void	auth_renew(struct master *m);

#endif
