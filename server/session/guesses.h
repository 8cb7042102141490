/*
 * Failed logins and unknown recipients, remembered for a while, in a memory of
 * fixed size.  While too many failures are remembered the next password is not
 * even checked.  From an address that has logged in to an account before, only
 * the failures of this pair count: nobody can lock an owner out from elsewhere.
 */
#ifndef SERVER_GUESSES_H
#define SERVER_GUESSES_H

#include "server/session/address.h"
#include "shared/span.h"

struct guesses;

/* What a failed login is counted by. */
enum guess_count {
	GUESS_HOST,		/* IPv4 address or IPv6 /64 */
	GUESS_NETWORK,		/* IPv4 /24 or IPv6 /48 */
	GUESS_ACCOUNT,		/* whether it exists or not */
	GUESS_PAIR,		/* account and host, where it has logged in */
	GUESS_FREE		/* guesses_judge: no count is too high */
};

/* The keys that one attempt is counted under. */
struct guess {
	uint64_t	key[GUESS_FREE];
};

/* NULL and errno when there is no memory; to be freed by free(3). */
struct guesses *guesses_new(void);
/* account has to be in the one spelling of that account. */
void	guesses_key(struct guesses *g, const struct address *client,
	    struct span account, struct guess *out);
/*
 * The count that forbids to check the password, or GUESS_FREE.  max: failures
 * of a host or a pair; of a network four times, of an account three times as
 * many.  now_ms: of a monotonic clock.
 */
enum guess_count guesses_judge(struct guesses *g,
	    const struct guess *guess, uint64_t max, int64_t now_ms);
/* Counts a failure, before the check: many at once are no way around it. */
void	guesses_charge(struct guesses *g, const struct guess *guess,
	    int64_t now_ms);
/* Takes a failure back; right: the pair is known from now on. */
void	guesses_refund(struct guesses *g, const struct guess *guess,
	    bool right, int64_t now_ms);
/* Has the host logged in to the account before? */
bool	guesses_is_known(struct guesses *g, const struct guess *guess);
/*
 * Counts an unknown recipient of client; returns for how long (ms) its answer
 * is held back.  The first few cost nothing; then each takes longer, up to two
 * answers a second of a host, in all its sessions.
 */
uint32_t guesses_unknown(struct guesses *g, const struct address *client,
	    int64_t now_ms);
/*
 * Is one left of most (0: no limit) in period_ms, of a kind behind GUESS_FREE,
 * of client (or NULL) and name?  Then takes it.  They come back evenly.
 */
bool	guesses_spend(struct guesses *g, int kind,
	    const struct address *client, struct span name, int64_t period_ms,
	    uint64_t most, int64_t now_ms);
/* How many failures are remembered. */
uint64_t guesses_level(struct guesses *g, const struct guess *guess,
	    enum guess_count kind, int64_t now_ms);

#endif
