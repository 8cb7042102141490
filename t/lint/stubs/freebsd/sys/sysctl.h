/* Enough of sysctl(3), OpenBSD's and FreeBSD's alike, to compile. */
#ifndef STUB_SYSCTL_H
#define STUB_SYSCTL_H

#include <stddef.h>

#define CTL_KERN	1
#define KERN_BOOTTIME	21

int	sysctl(const int *name, unsigned count, void *old, size_t *old_size,
	    void *new, size_t new_size);

#endif
