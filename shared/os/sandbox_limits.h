/*
 * The limits of a role, which every system here has: noted once by
 * sandbox_prepare, set by sandbox_enter.
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
 * Notes in *out the limits of role that do not hold yet.  Systems count
 * memory differently: at most data_max_bytes (0: no limit) that it writes
 * to, and address_max_bytes (0: no limit, or the system has none) of
 * addresses.  0, or -1 with errno.
 */
int	sandbox_limits_note(struct sandbox_limits *out,
	    enum sandbox_role role, uint64_t data_max_bytes,
	    uint64_t address_max_bytes);
/* Sets them for good: one system call each.  0, or -1 with errno. */
int	sandbox_limits_set(const struct sandbox_limits *limits);

#endif
