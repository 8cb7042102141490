/*
 * The master's end of the auth process: handing it the table of passwords,
 * and asking whether one is right.  Records of a fixed size; no worker has a
 * channel to where the passwords are.
 */
#ifndef SERVER_AUTH_H
#define SERVER_AUTH_H

#include "server/session/login.h"

/*
 * The passwords are those of the configuration now, which are wiped here once
 * the auth process has them all; until then the old ones hold.
 */
void	auth_renew(struct master *m);
/*
 * The question of l waits for its turn; login_answered will be told.  Those
 * whose hosts have failed least come first.
 */
void	auth_ask(struct master *m, struct login *l);
/* Nobody waits for the answer any more. */
void	auth_forget(struct master *m, struct login *l);

#endif
