/*
 * The sandbox on Linux: limits, no new privileges, not dumpable, Landlock
 * (sandbox_linux_landlock.c), seccomp (sandbox_linux_seccomp.c).  On a kernel
 * without Landlock, system calls and limits are still confined, and
 * sandbox_facts says what is missing; without seccomp there is no sandbox.
 */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <unistd.h>

#include "shared/os/sandbox_linux.h"

/* What sandbox_os_prepare leaves for sandbox_os_enter. */
static struct prepared {
	bool			 no_new_privs;	/* in force already */
	int			 ruleset;	/* allows no path; or -1 */
	struct sock_fprog	 program;
} prepared[SANDBOX_ROLE_COUNT];
/* Rights that confine this process and the children it forks; 0: none. */
static unsigned outer;
/* The same, or 0 if an earlier image of this process entered that role. */
static unsigned checker;

int
sandbox_os_prepare(enum sandbox_role role, const char **what)
{
	struct prepared *p = &prepared[role];

	p->no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
	if (sandbox_seccomp_compile(role, outer, checker, &p->program,
	    what) == -1)
		return -1;
	p->ruleset = -1;
	if ((sandbox_table[role].rights & (RIGHT_FILES | RIGHT_EXEC_SELF)) ||
	    !sandbox_confines_paths(role))
		return 0;
	p->ruleset = sandbox_landlock_ruleset(NULL, 0, what);
	return p->ruleset == -1 ? -1 : 0;
}

static int
restrict_paths(enum sandbox_role role, const struct sandbox_path *paths,
    size_t path_count, const char **what)
{
	int ruleset = prepared[role].ruleset, result, saved;

	if (ruleset == -1 && !sandbox_confines_paths(role))
		return 0;
	if (ruleset == -1)
		ruleset = sandbox_landlock_ruleset(paths, path_count, what);
	if (ruleset == -1)
		return -1;
	*what = "landlock_restrict_self";
	result = (int)syscall(SYS_landlock_restrict_self, ruleset, 0U);
	saved = errno;
	close(ruleset);
	errno = saved;
	return result;
}

int
sandbox_os_enter(enum sandbox_role role, const struct sandbox_path *paths,
    size_t path_count, const char **what)
{
	const struct prepared *p = &prepared[role];

	*what = "PR_SET_DUMPABLE";
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		return -1;
	*what = "PR_SET_NO_NEW_PRIVS";
	if (!p->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return -1;
	if (restrict_paths(role, paths, path_count, what) == -1)
		return -1;
	*what = "seccomp";
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0U, &p->program) ==
	    -1)
		return -1;
	/* Only a role that forks prepares another: a page less to copy. */
	if (sandbox_table[role].rights & RIGHT_FORK)
		outer = checker = sandbox_linux_rights(role);
	return 0;
}

/*
 * Checks that a role's filter is in force: only then does getpriority(2),
 * which every kernel has, fail with ENOSYS.
 */
int
sandbox_resume(enum sandbox_role role, const struct sandbox_path *paths,
    size_t path_count, const char **what)
{
	*what = "held by no sandbox";
	errno = 0;
	if (syscall(SYS_getpriority, PRIO_PROCESS, 0) != -1 ||
	    errno != ENOSYS ||
	    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) {
		errno = EPERM;
		return -1;
	}
	outer = sandbox_linux_rights(role);
	*what = "PR_SET_DUMPABLE";
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

const struct sandbox_facts *
sandbox_facts(void)
{
	static struct sandbox_facts facts = { false, "no seccomp in this "
	    "kernel", "there is no seccomp here, so no process is held by "
	    "anything but its user" };
	static char parts[128];
	const uint32_t kill = SECCOMP_RET_KILL_PROCESS;
	char landlock[40] = "no landlock in this kernel";
	int abi = sandbox_landlock_abi();

	if (facts.exists || syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0U,
	    &kill) != 0)
		return &facts;
	if (abi > 0)
		snprintf(landlock, sizeof(landlock), "landlock %d%s", abi,
		    abi == 1 ? " (not the master)" : "");
	snprintf(parts, sizeof(parts), "seccomp, %s, rlimits%s", landlock,
	    SANDBOX_SANITIZED ? " (sanitizer build: weaker)" : "");
	facts.exists = true;
	facts.parts = parts;
	facts.lacks = abi == 0 ? "there is no Landlock here, so the master "
	    "opens what its user may; a kernel from 5.19 on has it, if the "
	    "boot parameter lsm= names it" : abi == 1 ? "Landlock here is of "
	    "ABI 1, which cannot hold the master's paths; that of a kernel "
	    "from 5.19 on can" : NULL;
	return &facts;
}
