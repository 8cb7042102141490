/*
 * Who logs in: the answer to a name and a password that a worker has read.
 */
#ifndef SERVER_LOGIN_H
#define SERVER_LOGIN_H

#include "server/master.h"

/*
 * Answers w, now or later; until then it waits at IPC_AT_LOGIN.  False when w
 * is gone (freed), for it could not be answered.
 */
bool	login_take(struct worker *w, const struct ipc_login *login);

#endif
