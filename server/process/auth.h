/*
 * The master's end of the auth process: handing it the table of passwords,
 * and asking whether one is right.  Records of a fixed size; no worker has a
 * channel to where the passwords are.
 */
#ifndef SERVER_AUTH_H
#define SERVER_AUTH_H

#include "server/master.h"

/* Who asks: m->auth_owner, set before it is started. */
struct auth_owner {
	/* It can be asked. */
	void	(*on_idle)(struct master *m);
	/* The answer to the one question under way. */
	void	(*on_answer)(struct master *m, enum login_answer answer);
	/*
	 * It has ended, and what it was asked is not answered.  again: another
	 * is started at once.
	 */
	void	(*on_lost)(struct master *m, bool again);
};

/*
 * The passwords are those of the configuration now, which are wiped here once
 * the auth process has them all; until then the previous ones hold.
 */
void	auth_renew(struct master *m);
/* Can it be asked?  If not, on_idle() is called when it can. */
bool	auth_is_idle(const struct master *m);
/*
 * Asks, if nothing is asked already: the next login can then be chosen when
 * that is answered.  False: as auth_is_idle, or its channel is full.
 */
bool	auth_ask(struct master *m, const struct ipc_password *question);

#endif
