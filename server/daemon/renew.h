/*
 * Certificates and keys for sessions to come, while the others go on with
 * theirs.  The master can neither fork nor keep what OpenSSL makes of a key,
 * so others judge: the sign process each pair, and then the working nursery
 * whether libtls takes all of them.  Until both have, nothing has changed.
 */
#ifndef SERVER_RENEW_H
#define SERVER_RENEW_H

#include <stdio.h>

#include "server/master.h"

enum renew_answer {
	RENEW_REFUSED,		/* every mistake was written */
	RENEW_NOW,		/* new may take the place of m->conf */
	RENEW_LATER		/* reload_renewed() will be told */
};

/*
 * Reads the certificates and keys of new, which stays the caller's until he
 * is told, and has those judged that are not served already.
 */
enum renew_answer renew_begin(struct master *m, const struct conf *new,
	    FILE *err);
/*
 * m->conf is the new one: workers born from now on serve by its certificates,
 * which are logged.
 */
void	renew_commit(struct master *m);
/*
 * A new sign process is given the keys of all that is served, from the files;
 * signer_fed() is told when it has them.  Where these are not what is served
 * any more, they take its place.
 */
void	renew_keys(struct master *m);
/* The sign process has judged a pair. */
void	renew_judged(struct master *m, const struct ipc_judged *judged);
/* It cannot come to an end: why, for a person. */
void	renew_fail(struct master *m, const char *why);

#endif
