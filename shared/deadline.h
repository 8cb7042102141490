/* Time for waiting: the monotonic clock, which nobody can set back. */
#ifndef SHARED_DEADLINE_H
#define SHARED_DEADLINE_H

#include <stdint.h>

/* Now, in milliseconds since a fixed moment. */
int64_t	deadline_now_ms(void);
/* Now, in microseconds since the same moment. */
int64_t	deadline_now_us(void);
/* Milliseconds from now to deadline_ms for poll(2): 0 when it has passed. */
int	deadline_left_ms(int64_t deadline_ms);
/*
 * Charges cost, which is paid by waiting: *paid_until, 0 at first, is when all
 * is paid.  Returns the debt; all are in the caller's unit of time.
 */
int64_t	deadline_owe(int64_t *paid_until, int64_t cost, int64_t now);

#endif
