/*
 * What glibc's headers lack of OpenBSD's or FreeBSD's; included before all else
 * (-include) where shared/os/ is compiled as on one of them.
 */
#ifndef T_BSD_FACTS_H
#define T_BSD_FACTS_H

#include <errno.h>
#include <stddef.h>
#include <sys/types.h>

/* FreeBSD's numbers are others of Linux. */
#ifdef __FreeBSD__
#define ENOTCAPABLE	193
#define ECAPMODE	194
#else
int	pledge(const char *promises, const char *execpromises);
int	unveil(const char *path, const char *permissions);
int	sendsyslog(const void *line, size_t n, int flags);
#endif

#endif
