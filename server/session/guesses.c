/*
 * The memory of guesses: two tables of fixed size, in sets of a few slots.  A
 * new entry takes the slot that would be forgotten first, so a crowd of
 * guessers with one failure each does not displace the guesser with many.
 *
 * A count is stored as the time when it will have run down to 0; each failure
 * moves that time on by a fixed interval.
 */
#include "server/session/guesses.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
	ways = 4,
	set_count = 4096,	/* of failures */
	known_ways = 8,
	known_set_count = 2048,	/* of pairs that have logged in */
	host_forget_ms = 120 * 1000,
	network_forget_ms = 30 * 1000,
	account_forget_ms = 120 * 1000,
	pair_forget_ms = 60 * 1000,
	network_times = 4,
	account_times = 3,
	unknown_forget_ms = 500,
	unknown_free = 10,
	unknown_share = 10,	/* the delay is a tenth of the excess */
	unknown_delay_max_ms = 30 * 1000
};

struct count {
	uint64_t	key;		/* 0: free */
	int64_t		empty_ms;	/* when it has run down */
};

struct known {
	struct count	count;		/* of the pair's failures */
	int64_t		right_ms;	/* the last login */
};

struct guesses {
	uint8_t		secret[crypto_shorthash_KEYBYTES];
	struct count	counts[set_count][ways];
	struct known	known[known_set_count][known_ways];
};

struct guesses *
guesses_new(void)
{
	struct guesses *g = calloc(1, sizeof(*g));

	if (g != NULL)
		randombytes_buf(g->secret, sizeof(g->secret));
	return g;
}

void
guesses_free(struct guesses *g)
{
	free(g);
}

/* Never 0, which marks a free slot. */
static uint64_t
hash(const struct guesses *g, char kind, struct span a, struct span b)
{
	uint8_t text[1 + 16 + 512], out[crypto_shorthash_BYTES];
	size_t n = 0;
	uint64_t key;

	text[n++] = (uint8_t)kind;
	memcpy(text + n, a.p, a.n);
	n += a.n;
	if (b.n > sizeof(text) - n)
		b.n = sizeof(text) - n;
	memcpy(text + n, b.p, b.n);
	crypto_shorthash(out, text, n + b.n, g->secret);
	memcpy(&key, out, sizeof(key));
	return key == 0 ? 1 : key;
}

void
guesses_key(struct guesses *g, const struct address *client,
    struct span account, struct guess *out)
{
	struct span host = span_from(client->ip, client->ipv6 ? 8 : 4);
	struct span network = span_from(client->ip, client->ipv6 ? 6 : 3);
	struct span none = span_of("");

	out->host = hash(g, client->ipv6 ? 'H' : 'h', host, none);
	out->network = hash(g, client->ipv6 ? 'N' : 'n', network, none);
	out->account = hash(g, 'a', none, account);
	out->pair = hash(g, client->ipv6 ? 'P' : 'p', host, account);
}

static struct count *
find(struct guesses *g, uint64_t key)
{
	struct count *set = g->counts[key % set_count];

	for (size_t i = 0; i < ways; i++)
		if (set[i].key == key)
			return &set[i];
	return NULL;
}

/*
 * The pairs of one account share one set: a user that logs in from very many
 * addresses displaces pairs of his own.
 */
static struct known *
find_known(struct guesses *g, const struct guess *guess)
{
	struct known *set = g->known[guess->account % known_set_count];

	for (size_t i = 0; i < known_ways; i++)
		if (set[i].count.key == guess->pair)
			return &set[i];
	return NULL;
}

bool
guesses_is_known(struct guesses *g, const struct guess *guess)
{
	return find_known(g, guess) != NULL;
}

/* How many failures c stands for. */
static uint64_t
level(const struct count *c, int64_t forget_ms, int64_t now_ms)
{
	if (c == NULL || c->empty_ms <= now_ms)
		return 0;
	return (uint64_t)((c->empty_ms - now_ms + forget_ms - 1) / forget_ms);
}

enum guess_limit
guesses_judge(struct guesses *g, const struct guess *guess,
    uint64_t max, int64_t now_ms)
{
	const struct known *known = find_known(g, guess);

	if (known != NULL)
		return level(&known->count, pair_forget_ms, now_ms) < max ?
		    GUESS_FREE : GUESS_HOST;
	if (guesses_of_host(g, guess, now_ms) >= max)
		return GUESS_HOST;
	if (level(find(g, guess->network), network_forget_ms, now_ms) >=
	    network_times * max)
		return GUESS_NETWORK;
	if (level(find(g, guess->account), account_forget_ms, now_ms) >=
	    account_times * max)
		return GUESS_ACCOUNT;
	return GUESS_FREE;
}

static void
raise(struct count *c, int64_t forget_ms, int64_t now_ms)
{
	if (c->empty_ms < now_ms)
		c->empty_ms = now_ms;
	c->empty_ms += forget_ms;
}

/* Returns when the count will be 0; a new count replaces the first to be 0. */
static int64_t
charge(struct guesses *g, uint64_t key, int64_t forget_ms, int64_t now_ms)
{
	struct count *set = g->counts[key % set_count], *c = find(g, key);

	if (c == NULL) {
		c = set;
		for (size_t i = 1; i < ways; i++)
			if (set[i].empty_ms < c->empty_ms)
				c = &set[i];
		*c = (struct count){ .key = key };
	}
	raise(c, forget_ms, now_ms);
	return c->empty_ms;
}

static void
take_back(struct guesses *g, uint64_t key, int64_t forget_ms)
{
	struct count *c = find(g, key);

	if (c != NULL)
		c->empty_ms -= forget_ms;
}

void
guesses_charge(struct guesses *g, const struct guess *guess, int64_t now_ms)
{
	struct known *known = find_known(g, guess);

	(void)charge(g, guess->host, host_forget_ms, now_ms);
	(void)charge(g, guess->network, network_forget_ms, now_ms);
	if (known != NULL)
		raise(&known->count, pair_forget_ms, now_ms);
	else
		(void)charge(g, guess->account, account_forget_ms, now_ms);
}

/* Stores the pair, in place of the one whose last login is the oldest. */
static void
note_right(struct guesses *g, const struct guess *guess, int64_t now_ms)
{
	struct known *set = g->known[guess->account % known_set_count];
	struct known *k = find_known(g, guess);

	if (k == NULL) {
		k = set;
		for (size_t i = 1; i < known_ways; i++)
			if (set[i].right_ms < k->right_ms)
				k = &set[i];
	}
	*k = (struct known){ { guess->pair, 0 }, now_ms };
}

void
guesses_refund(struct guesses *g, const struct guess *guess, bool right,
    int64_t now_ms)
{
	struct known *known = find_known(g, guess);

	take_back(g, guess->host, host_forget_ms);
	take_back(g, guess->network, network_forget_ms);
	if (known != NULL)
		known->count.empty_ms -= pair_forget_ms;
	else
		take_back(g, guess->account, account_forget_ms);
	if (right)
		note_right(g, guess, now_ms);
}

uint32_t
guesses_unknown(struct guesses *g, const struct address *client,
    int64_t now_ms)
{
	uint64_t key = hash(g, client->ipv6 ? 'U' : 'u',
	    span_from(client->ip, client->ipv6 ? 8 : 4), span_of(""));
	int64_t over_ms;

	over_ms = charge(g, key, unknown_forget_ms, now_ms) - now_ms -
	    (int64_t)unknown_free * unknown_forget_ms;
	over_ms /= unknown_share;
	if (over_ms < 0)
		return 0;
	return over_ms < unknown_delay_max_ms ? (uint32_t)over_ms :
	    unknown_delay_max_ms;
}

uint64_t
guesses_of_host(struct guesses *g, const struct guess *guess,
    int64_t now_ms)
{
	return level(find(g, guess->host), host_forget_ms, now_ms);
}
