/*
 * The limits of a role, which every system here has: noted once by
 * sandbox_prepare, set by sandbox_enter.
 */
#ifndef SHARED_SANDBOX_LIMITS_H
#define SHARED_SANDBOX_LIMITS_H

#include <sys/resource.h>

#include "shared/sandbox_table.h"

#define SANDBOX_LIMITS_MAX	4

struct sandbox_limit {
	int	resource;
	rlim_t	max;
};

struct sandbox_limits {
	size_t			 count;
	struct sandbox_limit	 limit[SANDBOX_LIMITS_MAX];
};

/*
 * Notes in *out the limits of role that do not hold yet.  The memory limit
 * is memory_max_bytes (0: none) of memory_resource, since systems count
 * memory differently.  0, or -1 with errno.
 */
int	sandbox_limits_note(struct sandbox_limits *out,
	    enum sandbox_role role, int memory_resource,
	    uint64_t memory_max_bytes);
/* Sets them for good: one system call each.  0, or -1 with errno. */
int	sandbox_limits_set(const struct sandbox_limits *limits);

#endif
