/*
 * Logins: the answer to a name and a password that a worker has read.
 * Guessing is limited and slowed down here; the auth process knows whether a
 * password is right.
 */
#ifndef SERVER_LOGIN_H
#define SERVER_LOGIN_H

#include "server/master.h"

struct session;

/* Before the auth process is started.  0, or -1 without memory. */
int	login_start(struct master *m);
/*
 * Answers s, now or later; until then its worker waits at IPC_AT_LOGIN.  s is
 * gone if the answer could not be sent.
 */
void	login_take(struct session *s, const struct ipc_login *login);
/* The slot of s is needed: answers s at once, if it waits for an answer. */
void	login_cut_short(struct session *s);
/* Frees the login of s, if it has one: it needs no answer any more. */
void	login_forget(struct session *s);

#endif
