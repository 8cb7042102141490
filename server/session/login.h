/*
 * Who logs in: the answer to a name and a password that a worker has read.
 * What strangers guess is bounded and slowed down here; whether a password is
 * right, the auth process knows.
 */
#ifndef SERVER_LOGIN_H
#define SERVER_LOGIN_H

#include "server/master.h"
#include "server/session/guesses.h"

/* One login, from its question to its answer. */
struct login {
	TAILQ_ENTRY(login)	 entry;		/* while it waits for auth, */
	bool			 known_here;	/* at an address of its own, */
	uint64_t		 turn;		/* or in this turn */
	struct session		*session;
	struct event		 late;		/* the answer, at its time */
	int64_t			 begun_ms;
	struct guess		 guess;
	bool			 charged;	/* the guess, as a failure */
	bool			 decided;	/* the answer is known */
	bool			 cut;		/* told before its time */
	bool			 known;		/* there is such an account */
	bool			 other;		/* it is to be another one */
	char			 user[login_name_max_bytes]; /* the account */
	enum sasl_mechanism	 mechanism;
	struct ipc_password	 question;	/* wiped once it is asked */
	enum login_answer	 answer;
};

/*
 * Answers s, now or later; until then its worker waits at IPC_AT_LOGIN.  s is
 * gone if it could not be answered.
 */
void	login_take(struct session *s, const struct ipc_login *login);
/* The auth process has answered, or never will (LOGIN_TROUBLE). */
void	login_answered(struct login *l, enum login_answer answer);
/* Its turn has come: were there too many failures meanwhile? */
bool	login_is_limited(const struct login *l);
/* The auth process has it, and a failure is counted until it says better. */
void	login_asked(struct login *l);
/* The slot of s is needed: if s waits for an answer, it has one now. */
void	login_cut_short(struct session *s);
/* Nobody waits for the answer of s any more, if anybody did. */
void	login_forget(struct session *s);

#endif
