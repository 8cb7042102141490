/*
 * The limits of a role, on all systems: noted once by sandbox_prepare, set by
 * sandbox_enter.
 */
#ifndef SHARED_SANDBOX_LIMITS_H
#define SHARED_SANDBOX_LIMITS_H

#include <sys/resource.h>

#include "shared/os/sandbox_table.h"

#define SANDBOX_LIMITS_MAX	5

struct sandbox_limit {
	int	resource;
	rlim_t	max;
};

struct sandbox_limits {
	size_t			 count;
	struct sandbox_limit	 limit[SANDBOX_LIMITS_MAX];
};

/*
 * Notes in *out the limits of role that are not in force yet.  Systems count
 * memory differently: at most data_max_bytes of writable memory (0: no limit)
 * and address_max_bytes of addresses (0: no limit).  0, or -1 with errno.
 */
int	sandbox_limits_note(struct sandbox_limits *out,
	    enum sandbox_role role, uint64_t data_max_bytes,
	    uint64_t address_max_bytes);
/* Sets the limits for good: one system call each.  0, or -1 with errno. */
int	sandbox_limits_set(const struct sandbox_limits *limits);

#endif
