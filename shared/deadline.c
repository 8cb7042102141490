/* The monotonic clock. */
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
deadline_owe(int64_t *paid_until, int64_t cost, int64_t now)
{
	if (*paid_until < now)
		*paid_until = now;
	*paid_until += cost;
	return *paid_until - now;
}

int
deadline_left_ms(int64_t deadline_ms)
{
	int64_t left = deadline_ms - deadline_now_ms();

	if (left <= 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}
