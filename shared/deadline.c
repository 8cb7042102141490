/*
 * The monotonic clock.
 */
#include "shared/deadline.h"

#include <limits.h>
#include <time.h>

int64_t
deadline_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
deadline_now_ms(void)
{
	return deadline_now_us() / 1000;
}

int64_t
deadline_owe(int64_t *paid_until_us, int64_t us, int64_t now_us)
{
	if (*paid_until_us < now_us)
		*paid_until_us = now_us;
	*paid_until_us += us;
	return *paid_until_us - now_us;
}

int
deadline_left_ms(int64_t deadline_ms)
{
	int64_t left = deadline_ms - deadline_now_ms();

	if (left <= 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}
