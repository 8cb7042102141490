/*
 * The master's end of the auth process: sends the table of passwords, and asks
 * whether a password is right.  Records have a fixed size; no worker has a
 * channel to the process that has the passwords.
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
	/*
	 * The process has ended; the question under way has no answer.  again:
	 * the process is started again at once.
	 */
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
