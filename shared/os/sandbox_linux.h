/*
 * Shared by the Linux files of the sandbox only: rights of Linux, system calls
 * by right (sandbox_linux_calls.c) and paths (sandbox_linux_landlock.c).
 */
#ifndef SHARED_SANDBOX_LINUX_H
#define SHARED_SANDBOX_LINUX_H

#include <seccomp.h>

#include "shared/os/sandbox_os.h"

/* Rights beside enum sandbox_right that depend on how the program is built. */
#define RIGHT_LOADER	(1U << 16)	/* execute itself through ld.so */
#define RIGHT_SANITIZER	(1U << 17)	/* see SANDBOX_SANITIZED */

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

/* The role's rights: enum sandbox_right and those above. */
unsigned sandbox_linux_rights(enum sandbox_role role);

/* The Landlock ABI in use: 0 without Landlock, else 1 to 7. */
int	sandbox_landlock_abi(void);
/*
 * Makes a ruleset of role that handles all rights this kernel knows and allows
 * only paths and, with RIGHT_CONNECT, the ports of sandbox_let_connect.  Its
 * descriptor, or -1 with errno and *what.
 */
int	sandbox_landlock_ruleset(enum sandbox_role role,
	    const struct sandbox_path *paths, size_t path_count,
	    const char **what);

#endif
