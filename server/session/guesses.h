/*
 * Failed logins and unknown recipients, remembered so that guessing does not
 * pay: of an address, and of logins of its network and on an account, too.
 * What is kept has a fixed size, whatever strangers do.
 *
 * Each failure is forgotten some time after the one before it; while too many
 * are remembered the next password is not even looked at.  From an address
 * where an account was logged in to before, only the failures of that very
 * pair count: nobody can lock an owner out from elsewhere.
 */
#ifndef SERVER_GUESSES_H
#define SERVER_GUESSES_H

#include "server/session/address.h"
#include "shared/span.h"

struct guesses;

/* Who tries what, as keys of the memory. */
struct guess {
	uint64_t	host;		/* IPv4 address or IPv6 /64 */
	uint64_t	network;	/* IPv4 /24 or IPv6 /48 */
	uint64_t	account;	/* whether it exists or not */
	uint64_t	pair;		/* account and host */
};

enum guess_limit {
	GUESS_FREE,
	GUESS_HOST,
	GUESS_NETWORK,
	GUESS_ACCOUNT
};

/* NULL and errno when there is no memory. */
struct guesses *guesses_new(void);
void	guesses_free(struct guesses *g);
/* account: one spelling for one account. */
void	guesses_key(struct guesses *g, const struct address *client,
	    struct span account, struct guess *out);
/*
 * May it be tried?  max: failures of a host or a pair; a network may have
 * four times, an account three times as many.  now_ms: a clock that never
 * goes back.
 */
enum guess_limit guesses_judge(struct guesses *g,
	    const struct guess *guess, uint64_t max, int64_t now_ms);
/*
 * Counts a failure: when the password is looked at, so that many at once
 * are no way around the limit.
 */
void	guesses_charge(struct guesses *g, const struct guess *guess,
	    int64_t now_ms);
/* It was none: the count is taken back; right: the pair is known now. */
void	guesses_refund(struct guesses *g, const struct guess *guess,
	    bool right, int64_t now_ms);
/* Was the account logged in to from that host before? */
bool	guesses_is_known(struct guesses *g, const struct guess *guess);
/*
 * Counts an unknown recipient of client; for how long (ms) its answer is to
 * be held back.  The first few cost nothing; then each takes longer, so that
 * in the long run two a second are answered, over however many sessions.
 */
uint32_t guesses_unknown(struct guesses *g, const struct address *client,
	    int64_t now_ms);
/* The failures of the host that are remembered. */
uint64_t guesses_of_host(struct guesses *g, const struct guess *guess,
	    int64_t now_ms);

#endif
