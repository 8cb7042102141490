/*
 * A thousand clients that stall, from ten addresses, and one that comes new:
 * it is greeted and its message is taken, and those who stall are each in a
 * session, waiting for one, or sent away with a reason.
 */
#include <sys/resource.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "t/system/client.h"
#include "t/system/harness.h"

enum {
	stalled = 1000,
	addresses = 10,
	fresh = 10,
	/*
	 * A place that has to be taken from somebody is free within a second
	 * on a quiet machine; a stalled one's own time would be over after
	 * ten at the earliest, and a place in the queue after thirty.
	 */
	served_within_ms = 10000
};

static struct client crowd[stalled];

/* Where each stands now. */
enum { WAITING, IN_SESSION, AWAY };
static int stands[stalled];

static void
need_descriptors(void)
{
	enum { spare = 64 };
	struct rlimit r;

	EXPECT(getrlimit(RLIMIT_NOFILE, &r) == 0, "getrlimit: %s",
	    strerror(errno));
	if (r.rlim_max < stalled + spare)
		harness_skip("%ju descriptors here at most",
		    (uintmax_t)r.rlim_max);
	r.rlim_cur = r.rlim_max;
	EXPECT(setrlimit(RLIMIT_NOFILE, &r) == 0, "setrlimit: %s",
	    strerror(errno));
}

/* Takes what was said to it; a greeted one answers with half a command. */
static void
hear(int i)
{
	struct pollfd p = { .fd = crowd[i].fd, .events = POLLIN };
	int code;

	while (stands[i] != AWAY && poll(&p, 1, 0) == 1) {
		code = client_reply(&crowd[i]);
		/* 0: gone while it spoke, which may take its 421 with it. */
		EXPECT((stands[i] == WAITING && code == 220) || code == 421 ||
		    (stands[i] == IN_SESSION && code == 0),
		    "client %d: %d \"%s\"", i, code, crowd[i].reply);
		stands[i] = AWAY;
		if (code == 220 && client_send(&crowd[i], "EHLO x\r\nMAI", 11) &&
		    client_reply(&crowd[i]) == 250)
			stands[i] = IN_SESSION;
	}
}

static int
count(int standing)
{
	int n = 0;

	for (int i = 0; i < stalled; i++)
		n += stands[i] == standing;
	return n;
}

static int
hear_all(void)
{
	for (int i = 0; i < stalled; i++)
		hear(i);
	return count(IN_SESSION);
}

/* Each of the ten is a network of its own. */
static void
crowd_comes(const struct daemon *d, int in_session)
{
	char from[32];

	for (int i = 0; i < stalled; i++) {
		snprintf(from, sizeof(from), "127.%d.0.1", 20 + i % addresses);
		EXPECT(client_connect(&crowd[i], d, from), "client %d: %s", i,
		    strerror(errno));
		stands[i] = WAITING;
	}
	EXPECT(WAIT(hear_all() >= in_session), "%d of %d are in a session",
	    count(IN_SESSION), in_session);
}

/* Each from an address that has nobody yet. */
static void
fresh_are_served(const struct daemon *d)
{
	int64_t begun, took, slowest = 0;
	char from[32];

	for (unsigned i = 0; i < fresh; i++) {
		snprintf(from, sizeof(from), "127.%u.0.1", 60 + i);
		begun = harness_now_ms();
		EXPECT(client_deliver(d, from, i, 500, "alice") == 250,
		    "fresh client %u: %s", i, daemon_last_words(d));
		took = harness_now_ms() - begun;
		slowest = took > slowest ? took : slowest;
		EXPECT(took < served_within_ms, "fresh client %u: %d ms", i,
		    (int)took);
	}
	printf("the slowest of %d fresh clients took %d ms\n", fresh,
	    (int)slowest);
}

static void
crowd_goes(struct daemon *d)
{
	hear_all();
	printf("of the stalled %d in a session, %d waiting, %d sent away\n",
	    count(IN_SESSION), count(WAITING), count(AWAY));
	for (int i = 0; i < stalled; i++)
		client_close(&crowd[i]);
	/* With nobody left all places are free again. */
	EXPECT(client_deliver(d, "127.20.0.1", fresh, 500, "alice") == 250,
	    "when they have gone: %s", daemon_last_words(d));
	daemon_stop(d);
	EXPECT(mail_total(d) == fresh + 1 && mail_none_incoming(d),
	    "%zu messages", mail_total(d));
	EXPECT(daemon_logged(d, " event=worker-crash ", NULL) == 0 &&
	    daemon_logged(d, " event=nursery-lost ", NULL) == 0,
	    "a process broke: %s", daemon_last_words(d));
}

/* Ten times a tenth of the pool: it is full, and the other 800 hear why. */
static void
at_the_default_limits(void)
{
	enum { workers = 200 };
	struct daemon d;
	size_t told = 0;

	need_descriptors();
	daemon_init(&d, "", NULL);
	daemon_start(&d);
	crowd_comes(&d, workers);
	EXPECT(WAIT((hear_all(), count(AWAY) >= stalled - workers)),
	    "%d were sent away, not %d", count(AWAY), stalled - workers);
	EXPECT(WAIT((told = daemon_logged(&d, " event=reject ",
	    "client=127.20.0.1 ", "too many sessions from you", NULL)) >=
	    (stalled - workers) / addresses), "in the log: %zu", told);
	fresh_are_served(&d);
	crowd_goes(&d);
}

/*
 * The crowd may have more sessions than there are workers, and hundreds wait
 * for one: a fresh client does not stand behind them.
 */
static void
in_front_of_a_fresh_one(void)
{
	enum { workers = 50, waiting_least = 200 };
	struct daemon d;

	need_descriptors();
	daemon_init(&d, "\tworkers 50\n\tper-address 100\n"
	    "\tper-network 100\n", NULL);
	daemon_start(&d);
	crowd_comes(&d, workers);
	EXPECT(count(WAITING) >= waiting_least, "only %d wait",
	    count(WAITING));
	fresh_are_served(&d);
	crowd_goes(&d);
}

int
main(int argc, char *argv[])
{
	static const struct test tests[] = {
		{ "at_the_default_limits", at_the_default_limits },
		{ "in_front_of_a_fresh_one", in_front_of_a_fresh_one },
	};

	return harness_main(argc, argv, tests,
	    sizeof(tests) / sizeof(tests[0]));
}
