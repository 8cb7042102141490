/*
 * Failed logins: what is counted, what is forgotten, and that nobody locks an
 * owner out from elsewhere, nor washes a count away.
 */
#include "server/session/address.h"

#include <arpa/inet.h>
#include <sodium.h>

#include "t/unit/unit.h"

enum { max = 10, minute_ms = 60 * 1000, begin_ms = 1000 };

static struct address
address(const char *text)
{
	struct address a = { .port = 0 };

	ck_assert(ip_parse(span_of(text), &a.ip));
	return a;
}

static struct guess
guess(struct guesses *g, const char *from, const char *account)
{
	struct address a = address(from);
	struct guess out;

	guesses_key(g, &a, span_of(account), &out);
	return out;
}

static struct guesses *
make(void)
{
	struct guesses *g;

	ck_assert_int_ne(sodium_init(), -1);
	g = guesses_new();
	ck_assert_ptr_nonnull(g);
	return g;
}

/* Fails until it is stopped; after how many. */
static unsigned
fail_from(struct guesses *g, const char *from, const char *account,
    int64_t now_ms, enum guess_count *why)
{
	struct guess who = guess(g, from, account);
	unsigned n = 0;

	while ((*why = guesses_judge(g, &who, max, now_ms)) == GUESS_FREE &&
	    n < 1000) {
		guesses_charge(g, &who, now_ms);
		n++;
	}
	return n;
}

TEST(of_a_host)
{
	struct guesses *g = make();
	struct guess other = guess(g, "192.0.2.7", "bob@example.org");
	struct guess next = guess(g, "192.0.3.8", "alice@example.org");
	enum guess_count why;

	ck_assert_uint_eq(fail_from(g, "192.0.2.7", "alice@example.org",
	    begin_ms, &why), max);
	ck_assert_int_eq(why, GUESS_HOST);
	/* For other accounts too; not from another host. */
	ck_assert_int_eq(guesses_judge(g, &other, max, begin_ms), GUESS_HOST);
	ck_assert_int_eq(guesses_judge(g, &next, max, begin_ms), GUESS_FREE);
	ck_assert_uint_eq(guesses_level(g, &other, GUESS_HOST, begin_ms), max);
	/* One is forgotten every two minutes. */
	ck_assert_int_eq(guesses_judge(g, &other, max, begin_ms +
	    2 * minute_ms - 1), GUESS_HOST);
	ck_assert_int_eq(guesses_judge(g, &other, max, begin_ms +
	    2 * minute_ms), GUESS_FREE);
	ck_assert_uint_eq(fail_from(g, "192.0.2.7", "alice@example.org",
	    begin_ms + 2 * minute_ms, &why), 1);
	free(g);
}

/* Of IPv6 a host is a /64, for that is what one customer gets. */
TEST(of_a_prefix)
{
	struct guesses *g = make();
	struct guess same = guess(g, "2001:db8:0:1:ffff::9", "x");
	struct guess near = guess(g, "2001:db8:0:2::9", "x");
	struct guess mapped = guess(g, "32.1.13.184", "x");
	enum guess_count why;

	fail_from(g, "2001:db8:0:1::1", "x", begin_ms, &why);
	ck_assert_int_eq(guesses_judge(g, &same, max, begin_ms), GUESS_HOST);
	ck_assert_int_eq(guesses_judge(g, &near, max, begin_ms), GUESS_FREE);
	/* The same four octets as an IPv4 address are somebody else. */
	ck_assert_int_eq(guesses_judge(g, &mapped, max, begin_ms),
	    GUESS_FREE);
	free(g);
}

TEST(of_a_network)
{
	struct guesses *g = make();
	char from[32], account[32];
	enum guess_count why = GUESS_FREE;
	unsigned n = 0;

	for (int i = 1; why != GUESS_NETWORK && i < 200; i++) {
		snprintf(from, sizeof(from), "192.0.2.%d", i);
		snprintf(account, sizeof(account), "user%d", i);
		n += fail_from(g, from, account, begin_ms, &why);
	}
	ck_assert_uint_eq(n, 4 * max);
	ck_assert_uint_eq(fail_from(g, "192.0.3.1", "z", begin_ms, &why), max);
	free(g);
}

/* A crowd from everywhere has so many tries at one account. */
TEST(of_an_account)
{
	struct guesses *g = make();
	enum guess_count why = GUESS_FREE;
	char from[32];
	unsigned n = 0;

	for (int i = 1; why != GUESS_ACCOUNT && i < 200; i++) {
		snprintf(from, sizeof(from), "198.51.%d.1", i);
		n += fail_from(g, from, "alice@example.org", begin_ms, &why);
	}
	ck_assert_uint_eq(n, 3 * max);
	free(g);
}

TEST(owner_is_let_in)
{
	struct guesses *g = make();
	struct guess owner = guess(g, "203.0.113.5", "alice@example.org");
	struct guess elsewhere = guess(g, "203.0.113.6", "alice@example.org");
	struct guess same_host = guess(g, "203.0.113.5", "bob@example.org");
	enum guess_count why = GUESS_FREE;
	char from[32], account[32];

	guesses_charge(g, &owner, begin_ms);
	guesses_refund(g, &owner, true, begin_ms);
	for (int i = 1; why != GUESS_ACCOUNT && i < 200; i++) {
		snprintf(from, sizeof(from), "198.51.%d.1", i);
		fail_from(g, from, "alice@example.org", begin_ms, &why);
	}
	/* All his neighbours guess, too. */
	for (int i = 7; i < 60; i++) {
		snprintf(from, sizeof(from), "203.0.113.%d", i);
		snprintf(account, sizeof(account), "user%d", i);
		fail_from(g, from, account, begin_ms, &why);
	}
	ck_assert_int_eq(guesses_judge(g, &elsewhere, max, begin_ms),
	    GUESS_NETWORK);
	ck_assert_int_eq(guesses_judge(g, &owner, max, begin_ms),
	    GUESS_FREE);
	/* His own mistakes count, there, for a while. */
	for (int i = 0; i < max; i++) {
		ck_assert_int_eq(guesses_judge(g, &owner, max, begin_ms),
		    GUESS_FREE);
		guesses_charge(g, &owner, begin_ms);
	}
	ck_assert_int_eq(guesses_judge(g, &owner, max, begin_ms),
	    GUESS_PAIR);
	ck_assert_int_eq(guesses_judge(g, &owner, max, begin_ms + minute_ms),
	    GUESS_FREE);
	ck_assert_int_eq(guesses_judge(g, &same_host, max, begin_ms),
	    GUESS_HOST);
	free(g);
}

/* What was no failure is as if it had not been. */
TEST(taken_back)
{
	struct guesses *g = make();
	struct guess who = guess(g, "192.0.2.7", "alice@example.org");
	enum guess_count why;

	for (int i = 0; i < 100; i++) {
		guesses_charge(g, &who, begin_ms);
		guesses_refund(g, &who, false, begin_ms);
	}
	ck_assert_uint_eq(guesses_level(g, &who, GUESS_HOST, begin_ms), 0);
	ck_assert_uint_eq(fail_from(g, "192.0.2.7", "alice@example.org",
	    begin_ms, &why), max);
	free(g);
}

/* Any number of others with one failure each. */
TEST(not_washed_away)
{
	struct guesses *g = make();
	struct guess who = guess(g, "192.0.2.7", "alice@example.org");
	enum guess_count why;
	char from[32], account[32];
	unsigned kept = 0;

	fail_from(g, "192.0.2.7", "alice@example.org", begin_ms, &why);
	for (unsigned i = 0; i < 200000; i++) {
		struct guess one;

		snprintf(from, sizeof(from), "10.%u.%u.%u", i >> 16,
		    i >> 8 & 255, i & 255);
		snprintf(account, sizeof(account), "nobody%u", i);
		one = guess(g, from, account);
		guesses_charge(g, &one, begin_ms);
		kept += guesses_level(g, &one, GUESS_HOST, begin_ms) > 0;
	}
	/* In a set that is full of its equals one may lose its place. */
	ck_assert_uint_gt(kept, 199000);
	ck_assert_int_eq(guesses_judge(g, &who, max, begin_ms), GUESS_HOST);
	free(g);
}

/* Nor are the addresses of others, by one who has very many. */
TEST(known_stay)
{
	struct guesses *g = make();
	enum { owners = 200 };
	struct guess owner[owners], one;
	char text[64];
	unsigned kept = 0;

	for (unsigned i = 0; i < owners; i++) {
		snprintf(text, sizeof(text), "owner%u", i);
		owner[i] = guess(g, "192.0.2.7", text);
		guesses_charge(g, &owner[i], begin_ms);
		guesses_refund(g, &owner[i], true, begin_ms);
	}
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(text, sizeof(text), "2001:db8:%x:%x::1", i >> 8,
		    i & 255);
		one = guess(g, text, "mallory");
		guesses_charge(g, &one, begin_ms + 1);
		guesses_refund(g, &one, true, begin_ms + 1);
	}
	/* 192.0.2.7 has too many failures, for who is not known there. */
	for (unsigned i = 0; i < max; i++) {
		one = guess(g, "192.0.2.7", "nobody");
		guesses_charge(g, &one, begin_ms + 2);
	}
	for (unsigned i = 0; i < owners; i++)
		kept += guesses_judge(g, &owner[i], max, begin_ms + 2) ==
		    GUESS_FREE;
	/* But for those that share their set with mallory. */
	ck_assert_uint_ge(kept, owners - 4);
	free(g);
}

/* How long count guesses take that come over so many sessions at a time. */
static int64_t
guess_names(unsigned sessions, unsigned count)
{
	struct guesses *g = make();
	struct address a = address("192.0.2.1"), b = address("192.0.2.2");
	int64_t free_ms[128] = { 0 }, now = begin_ms;

	for (unsigned n = 0; n < count; n++) {
		unsigned first = 0;

		for (unsigned i = 1; i < sessions; i++)
			if (free_ms[i] < free_ms[first])
				first = i;
		if (free_ms[first] > now)
			now = free_ms[first];
		free_ms[first] = now + guesses_unknown(g, &a, now);
	}
	/* Nobody else waits for it. */
	ck_assert_int_eq(guesses_unknown(g, &b, now), 0);
	free(g);
	return now - begin_ms;
}

/* A list with a few stale names is not held up; guessing takes minutes. */
TEST(unknown_recipients)
{
	static const unsigned sessions[] = { 1, 2, 10, 50, 100 };
	struct guesses *g = make();
	struct address a = address("2001:db8::1"), b = address("2001:db8::2");
	int64_t now = begin_ms;
	uint32_t before = 0;

	for (unsigned n = 0; n < 10; n++)
		ck_assert_int_eq(guesses_unknown(g, &a, now), 0);
	for (unsigned n = 0; n < 20; n++) {
		uint32_t ms = guesses_unknown(g, &b, now);

		ck_assert_uint_gt(ms, before);
		before = ms;
	}
	for (unsigned n = 0; n < 2000; n++)
		ck_assert_int_le(guesses_unknown(g, &a, now), 30 * 1000);
	now += 2030 * 500;
	ck_assert_int_eq(guesses_unknown(g, &a, now), 0);
	free(g);
	for (size_t i = 0; i < COUNT(sessions); i++)
		ck_assert_int_gt(guess_names(sessions[i], 1000),
		    2 * minute_ms);
}

/* How many are taken at once, at most 10,000. */
static unsigned
spend(struct guesses *g, const char *name, uint64_t most, int64_t now_ms)
{
	unsigned n = 0;

	while (n < 10000 && guesses_spend(g, GUESS_FREE + 1, NULL,
	    span_of(name), 60 * minute_ms, most, now_ms))
		n++;
	return n;
}

TEST(spent)
{
	struct guesses *g = make();
	struct address a = address("192.0.2.1"), b = address("192.0.2.2");
	const struct span none = span_of("");

	ck_assert_uint_eq(spend(g, "a", 20, begin_ms), 20);
	ck_assert_uint_eq(spend(g, "a", 20, begin_ms), 0);
	ck_assert_uint_eq(spend(g, "b", 20, begin_ms), 20);
	/* They come back evenly, and never more than all of them. */
	ck_assert_uint_eq(spend(g, "a", 20, begin_ms + 3 * minute_ms - 1), 0);
	ck_assert_uint_eq(spend(g, "a", 20, begin_ms + 3 * minute_ms), 1);
	ck_assert_uint_eq(spend(g, "a", 20, begin_ms + 15 * minute_ms), 4);
	ck_assert_uint_eq(spend(g, "a", 20, begin_ms + 600 * minute_ms), 20);
	ck_assert_uint_eq(spend(g, "c", 1, begin_ms), 1);
	/* No limit, and the highest. */
	ck_assert_uint_eq(spend(g, "d", 0, begin_ms), 10000);
	ck_assert_uint_eq(spend(g, "e", 1000000, begin_ms), 10000);
	/* Kinds and clients apart. */
	ck_assert(guesses_spend(g, GUESS_FREE + 2, NULL, span_of("c"),
	    minute_ms, 1, begin_ms));
	ck_assert(guesses_spend(g, GUESS_FREE + 1, &a, none, minute_ms, 1,
	    begin_ms));
	ck_assert(!guesses_spend(g, GUESS_FREE + 1, &a, none, minute_ms, 1,
	    begin_ms));
	ck_assert(guesses_spend(g, GUESS_FREE + 1, &b, none, minute_ms, 1,
	    begin_ms));
	free(g);
}

/* Ten thousand who spend little displace nobody who spends much. */
TEST(crowd_of_spenders)
{
	struct guesses *g = make();
	char user[32];

	ck_assert_uint_eq(spend(g, "a", 100, begin_ms), 100);
	for (int i = 0; i < 10000; i++) {
		snprintf(user, sizeof(user), "u%d", i);
		ck_assert(guesses_spend(g, GUESS_FREE + 1, NULL, span_of(user),
		    60 * minute_ms, 100, begin_ms));
	}
	ck_assert_uint_eq(spend(g, "a", 100, begin_ms), 0);
	free(g);
}
