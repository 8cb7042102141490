/* Between the Linux files of the sandbox. */
#ifndef SHARED_SANDBOX_LINUX_H
#define SHARED_SANDBOX_LINUX_H

#include <seccomp.h>

#include "shared/os/sandbox_os.h"

/* Allowed with any right in allow, else ENOSYS with any in spare, else kill. */
struct sandbox_calls {
	unsigned	 allow;
	unsigned	 spare;
	const int	*calls;
	size_t		 count;
};

/*
 * A rule about arguments, for roles that have any right in with and none in
 * without.  A call that matches none of its rules gets ENOSYS.
 */
struct sandbox_rule {
	unsigned		 with;
	unsigned		 without;
	bool			 kill;
	int			 call;
	unsigned		 count;
	struct scmp_arg_cmp	 args[3];
};

extern const struct sandbox_calls sandbox_calls[];
extern const size_t sandbox_calls_count;
extern const struct sandbox_rule sandbox_rules[];
extern const size_t sandbox_rules_count;

/* The kernel's Landlock ABI; 0: it has none. */
int	sandbox_landlock_abi(void);

#endif
