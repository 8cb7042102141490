/*
 * What the Linux files of the sandbox share among themselves: the rights
 * that only they know, system calls by right (sandbox_linux_calls.c), the
 * filter (sandbox_linux_seccomp.c) and the paths (sandbox_linux_landlock.c).
 * Programs include sandbox_table.h instead.
 */
#ifndef SHARED_SANDBOX_LINUX_H
#define SHARED_SANDBOX_LINUX_H

#include <linux/filter.h>
#include <seccomp.h>

#include "shared/os/sandbox_table.h"

/*
 * The one place where a build under a sanitizer differs: its runtime gets
 * the calls of RIGHT_SANITIZER, and memory is not limited, because shadow
 * memory is counted by terabytes.  Such a build is for tests only.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || \
    __has_feature(thread_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif
#ifndef SANDBOX_SANITIZED
#define SANDBOX_SANITIZED 0
#endif

/*
 * What a process may have of addresses beside its memory: the program, its
 * libraries (in all 7 MiB, or 9 where it is dynamic) and its stack.
 */
#define SANDBOX_IMAGE_MAX_BYTES	(32ULL * 1024 * 1024)

/* Beside enum sandbox_right: what follows from how the program is built. */
#define RIGHT_LOADER	(1U << 16)	/* execute itself through ld.so */
#define RIGHT_SANITIZER	(1U << 17)	/* see SANDBOX_SANITIZED */

/* Allowed with any of allow, else ENOSYS with any of spare, else death. */
struct sandbox_calls {
	unsigned	 allow;
	unsigned	 spare;
	const int	*calls;
	size_t		 count;
};

/*
 * One rule by arguments, for roles that have any of with and none of
 * without.  A call whose rules all fail to match gets ENOSYS.
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

/* The role's rights of both kinds. */
unsigned sandbox_linux_rights(enum sandbox_role role);

/*
 * The filter of role as a program for seccomp(2), in memory that *out owns.
 * outer is the role that holds the process already and whose filter stays
 * in force, or SANDBOX_ROLE_COUNT.  checker is outer again, where its filter
 * was compiled in this image and so has the rules of this one, which then are
 * left to it; else SANDBOX_ROLE_COUNT.  0, or -1 with errno and *what.
 */
int	sandbox_seccomp_compile(enum sandbox_role role,
	    enum sandbox_role outer, enum sandbox_role checker,
	    struct sock_fprog *out, const char **what);
/* Installs it: one system call.  0, or -1 with errno and *what. */
int	sandbox_seccomp_install(const struct sock_fprog *program,
	    const char **what);

/* The ABI that is used here: 0 without Landlock, else 1 to 7. */
int	sandbox_landlock_abi(void);
/* Whether Landlock holds role's paths on this kernel. */
bool	sandbox_landlock_holds(enum sandbox_role role);
/*
 * A ruleset that handles all this kernel knows and allows only paths.
 * Its descriptor, or -1 with errno and *what.
 */
int	sandbox_landlock_ruleset(const struct sandbox_path *paths,
	    size_t path_count, const char **what);
/* Holds the process by it: one system call.  0, or -1, errno and *what. */
int	sandbox_landlock_restrict(int ruleset, const char **what);

#endif
