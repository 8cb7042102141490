/*
 * How many descriptors a configuration needs, and whether there are so many.
 */
#include <sys/resource.h>

#include <check.h>

#include "server/session/listen.h"
#include "t/unit/unit.h"

static struct conf
with_workers(uint64_t workers)
{
	struct conf conf = { .limits.workers = workers };

	return conf;
}

/* Two for each worker, one for each that waits, and the master's own. */
TEST(needed)
{
	struct conf few = with_workers(1), more = with_workers(1000),
	    many = with_workers(20000);

	ck_assert_uint_eq(listen_descriptors(&few), 2 + 256 + 344);
	ck_assert_uint_eq(listen_descriptors(&more), 2000 + 1000 + 344);
	ck_assert_uint_eq(listen_descriptors(&many), 40000 + 1024 + 344);
}

TEST(suffice)
{
	struct rlimit few = { 1000, 1000 };
	struct conf fits = with_workers(200), not = with_workers(300);

	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	ck_assert(listen_has_descriptors(&fits));
	ck_assert(!listen_has_descriptors(&not));
}

/* Up to the hard limit, if that is enough. */
TEST(raised)
{
	struct rlimit few = { 100, 1000 };
	struct conf fits = with_workers(200);

	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	ck_assert(!listen_has_descriptors(&fits));
	listen_raise_descriptors(&fits);
	ck_assert(listen_has_descriptors(&fits));
}
