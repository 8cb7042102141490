/*
 * deadline: a clock that goes on, and what is left of it.
 */
#include "t/unit/unit.h"

#include <limits.h>
#include <time.h>

#include "shared/deadline.h"

TEST(goes_on)
{
	const struct timespec pause = { 0, 30 * 1000 * 1000 };
	int64_t before = deadline_now_ms(), after;

	ck_assert_int_eq(nanosleep(&pause, NULL), 0);
	after = deadline_now_ms();
	ck_assert_int_ge(after - before, 29);
	ck_assert_int_lt(after - before, 20000);
}

TEST(left)
{
	int64_t now = deadline_now_ms();
	int ms = deadline_left_ms(now + 10000);

	ck_assert_int_gt(ms, 0);
	ck_assert_int_le(ms, 10000);
	ck_assert_int_eq(deadline_left_ms(now), 0);
	ck_assert_int_eq(deadline_left_ms(now - 1), 0);
	ck_assert_int_eq(deadline_left_ms(now - 1000000), 0);
	ck_assert_int_eq(deadline_left_ms(0), 0);
}

/* For poll(2) a negative number would mean for ever. */
TEST(far_away)
{
	int64_t now = deadline_now_ms();

	ck_assert_int_eq(deadline_left_ms(INT64_MAX), INT_MAX);
	ck_assert_int_eq(deadline_left_ms(now + 2 * (int64_t)INT_MAX),
	    INT_MAX);
	ck_assert_int_eq(deadline_left_ms(now - 2 * (int64_t)INT_MAX), 0);
}
