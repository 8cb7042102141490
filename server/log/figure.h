/* Figures as a person reads them.  The last four texts stay valid. */
#ifndef SERVER_FIGURE_H
#define SERVER_FIGURE_H

#include <stdint.h>
#include <stdio.h>

/* "0 B", "999 B", "12.3 KiB", "4.0 GiB" */
const char *figure_size(uint64_t octets);
/* "7 s", "12 min 5 s", "3 h 0 min", "41 d 3 h" */
const char *figure_duration(uint64_t ms);
/* Local time, "2026-11-23 20:45:00". */
const char *figure_time(int64_t s);
/* "2026-11-23T20:45:00Z"; "" when gmtime(3) cannot represent s. */
const char *figure_utc(int64_t s);
/* fprintf(3), unless f is NULL. */
void	figure_put(FILE *f, const char *format, ...)
	    __attribute__((format(printf, 2, 3)));
/* "" for 1, else "s". */
const char *figure_plural(uint64_t count);

#endif
