/*
 * Who logs in: the answer to a name and a password that a worker has read.
 * What strangers guess is bounded and slowed down here; whether a password is
 * right, the auth process knows.
 */
#ifndef SERVER_LOGIN_H
#define SERVER_LOGIN_H

#include "server/master.h"

struct session;

/* 0, or -1 without memory; before the auth process is started. */
int	login_start(struct master *m);
/*
 * Answers s, now or later; until then its worker waits at IPC_AT_LOGIN.  s is
 * gone if it could not be answered.
 */
void	login_take(struct session *s, const struct ipc_login *login);
/* The slot of s is needed: if s waits for an answer, it has one now. */
void	login_cut_short(struct session *s);
/* Nobody waits for the answer of s any more, if anybody did. */
void	login_forget(struct session *s);

#endif
