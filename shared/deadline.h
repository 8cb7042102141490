/*
 * Time for waiting: the monotonic clock, which nobody can set back.
 */
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
 * Charges for us microseconds of work, which are paid by waiting:
 * *paid_until_us, 0 at first, is when all is paid.  The debt in microseconds.
 */
int64_t	deadline_owe(int64_t *paid_until_us, int64_t us, int64_t now_us);

#endif
