/*
 * Two tables of fixed size, in sets of a few slots.  A new entry takes the slot
 * that would be forgotten first, so a crowd of guessers with one failure each
 * does not displace the guesser with many.  A count is stored as the time when
 * it will have run down to 0, which each failure moves on.
 */
#include "server/session/address.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "shared/deadline.h"

enum {
	ways = 8,
	set_count = 2048,
	unknown_forget_ms = 500,
	unknown_free = 10,
	unknown_share = 10,	/* the delay is a tenth of the excess */
	unknown_delay_max_ms = 30 * 1000
};

/* How long one failure is remembered; how many times the limit may be. */
static const struct {
	int64_t		forget_ms;
	uint64_t	times;
} rules[GUESS_FREE] = {
	[GUESS_HOST] = { 120 * 1000, 1 },
	[GUESS_NETWORK] = { 30 * 1000, 4 },
	[GUESS_ACCOUNT] = { 120 * 1000, 3 },
	[GUESS_PAIR] = { 60 * 1000, 1 }
};

struct count {
	uint64_t	key;		/* 0: free */
	int64_t		empty_ms;	/* when it has run down */
	int64_t		right_ms;	/* last login of a pair; or 0 */
};

struct guesses {
	uint8_t		secret[crypto_shorthash_KEYBYTES];
	struct count	failures[set_count][ways];
	struct count	known[set_count][ways];	/* pairs */
};

struct guesses *
guesses_new(void)
{
	struct guesses *g = calloc(1, sizeof(*g));

	if (g != NULL)
		randombytes_buf(g->secret, sizeof(g->secret));
	return g;
}

/* Never 0, which marks a free slot.  client NULL: of any. */
static uint64_t
hash(const struct guesses *g, int kind, const struct address *client,
    struct span account)
{
	uint8_t text[1 + address_key_bytes + 512] = { (uint8_t)kind };
	uint8_t out[crypto_shorthash_BYTES];
	const size_t head = 1 + address_key_bytes;
	uint64_t key;

	if (client != NULL)
		address_key(client, kind == GUESS_NETWORK, text + 1);
	if (account.n > sizeof(text) - head)
		account.n = sizeof(text) - head;
	memcpy(text + head, account.p, account.n);
	crypto_shorthash(out, text, head + account.n, g->secret);
	memcpy(&key, out, sizeof(key));
	return key == 0 ? 1 : key;
}

void
guesses_key(struct guesses *g, const struct address *client,
    struct span account, struct guess *out)
{
	const struct span none = span_of("");

	out->key[GUESS_HOST] = hash(g, GUESS_HOST, client, none);
	out->key[GUESS_NETWORK] = hash(g, GUESS_NETWORK, client, none);
	out->key[GUESS_ACCOUNT] = hash(g, GUESS_ACCOUNT, NULL, account);
	out->key[GUESS_PAIR] = hash(g, GUESS_PAIR, client, account);
}

/*
 * NULL: there is none.  With add a new one replaces the oldest login, or the
 * first count to be 0.  The pairs of one account share one set.
 */
static struct count *
find(struct guesses *g, const struct guess *guess, enum guess_count kind,
    bool add)
{
	const uint64_t key = guess->key[kind];
	struct count *set = kind == GUESS_PAIR ?
	    g->known[guess->key[GUESS_ACCOUNT] % set_count] :
	    g->failures[key % set_count];
	struct count *old = set;

	for (struct count *c = set; c < set + ways; c++) {
		if (c->key == key)
			return c;
		if (c->right_ms != old->right_ms ?
		    c->right_ms < old->right_ms : c->empty_ms < old->empty_ms)
			old = c;
	}
	if (!add)
		return NULL;
	*old = (struct count){ .key = key };
	return old;
}

bool
guesses_is_known(struct guesses *g, const struct guess *guess)
{
	return find(g, guess, GUESS_PAIR, false) != NULL;
}

uint64_t
guesses_level(struct guesses *g, const struct guess *guess,
    enum guess_count kind, int64_t now_ms)
{
	const struct count *c = find(g, guess, kind, false);
	const int64_t forget_ms = rules[kind].forget_ms;

	if (c == NULL || c->empty_ms <= now_ms)
		return 0;
	return (uint64_t)((c->empty_ms - now_ms + forget_ms - 1) / forget_ms);
}

enum guess_count
guesses_judge(struct guesses *g, const struct guess *guess,
    uint64_t max, int64_t now_ms)
{
	enum guess_count kind = guesses_is_known(g, guess) ? GUESS_PAIR :
	    GUESS_HOST;
	const enum guess_count end = kind == GUESS_PAIR ? GUESS_FREE :
	    GUESS_PAIR;

	for (; kind < end; kind++)
		if (guesses_level(g, guess, kind, now_ms) >=
		    rules[kind].times * max)
			return kind;
	return GUESS_FREE;
}

/* Of account and pair only one is charged, and refunded. */
static enum guess_count
left_out(struct guesses *g, const struct guess *guess)
{
	return guesses_is_known(g, guess) ? GUESS_ACCOUNT : GUESS_PAIR;
}

void
guesses_charge(struct guesses *g, const struct guess *guess, int64_t now_ms)
{
	const enum guess_count out = left_out(g, guess);

	for (enum guess_count k = 0; k < GUESS_FREE; k++)
		if (k != out)
			deadline_owe(&find(g, guess, k, true)->empty_ms,
			    rules[k].forget_ms, now_ms);
}

void
guesses_refund(struct guesses *g, const struct guess *guess, bool right,
    int64_t now_ms)
{
	const enum guess_count out = left_out(g, guess);
	struct count *c;

	for (enum guess_count k = 0; k < GUESS_FREE; k++)
		if (k != out && (c = find(g, guess, k, false)) != NULL)
			c->empty_ms -= rules[k].forget_ms;
	if (!right)
		return;
	c = find(g, guess, GUESS_PAIR, true);
	c->empty_ms = 0;
	c->right_ms = now_ms;
}

uint32_t
guesses_unknown(struct guesses *g, const struct address *client,
    int64_t now_ms)
{
	const struct guess of = { .key[GUESS_HOST] = hash(g, GUESS_FREE,
	    client, span_of("")) };
	int64_t over_ms;

	over_ms = deadline_owe(&find(g, &of, GUESS_HOST, true)->empty_ms,
	    unknown_forget_ms, now_ms) - (int64_t)unknown_free *
	    unknown_forget_ms;
	over_ms /= unknown_share;
	if (over_ms < 0)
		return 0;
	return over_ms < unknown_delay_max_ms ? (uint32_t)over_ms :
	    unknown_delay_max_ms;
}

bool
guesses_spend(struct guesses *g, int kind, const struct address *client,
    struct span name, int64_t period_ms, uint64_t most, int64_t now_ms)
{
	const struct guess of = { .key[GUESS_HOST] = hash(g, kind, client,
	    name) };
	int64_t each_ms, *until_ms;

	if (most == 0)
		return true;
	each_ms = period_ms / (int64_t)most;
	until_ms = &find(g, &of, GUESS_HOST, true)->empty_ms;
	if (deadline_owe(until_ms, each_ms, now_ms) <= period_ms)
		return true;
	*until_ms -= each_ms;
	return false;
}
