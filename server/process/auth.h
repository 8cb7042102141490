/*
 * The master's end of the auth process, which has the passwords; no worker has
 * a channel to it.
 */
#ifndef SERVER_AUTH_H
#define SERVER_AUTH_H

#include "server/master.h"

/* The module that asks: m->auth_owner, set before the process starts. */
struct auth_owner {
	/* The process can be asked now. */
	void	(*on_idle)(struct master *m);
	/* The answer to the one question under way. */
	void	(*on_answer)(struct master *m, enum smtp_reply answer);
	/* It has ended, and has no answer; again: it starts again at once. */
	void	(*on_lost)(struct master *m, bool again);
};

/*
 * Sends the passwords of the current configuration, and wipes them here once
 * the auth process has them all; until then the previous ones stay in use.
 */
void	auth_renew(struct master *m);
/* Can the process be asked?  If not, on_idle() is called once it can. */
bool	auth_is_idle(const struct master *m);
/* Asks the process, which is idle; on_answer() or on_lost() follows. */
void	auth_ask(struct master *m, const struct ipc_password *question);

#endif
