/*
 * The sandbox on Linux: limits, no new privileges, not dumpable, Landlock
 * (sandbox_linux_landlock.c), seccomp (sandbox_linux_seccomp.c).  On a kernel
 * without Landlock, system calls and limits are still confined, and
 * sandbox_describe says what is missing; without seccomp there is no sandbox.
 */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <unistd.h>

#include "shared/os/sandbox_limits.h"
#include "shared/os/sandbox_linux.h"

/* What sandbox_prepare leaves for sandbox_enter. */
struct prepared {
	bool			 done;
	bool			 no_new_privs;	/* in force already */
	int			 ruleset;	/* allows no path; or -1 */
	struct sandbox_limits	 limits;
	struct sock_fprog	 program;
};

static struct prepared prepared[SANDBOX_ROLE_COUNT];
/* The role that confines this process and the children it forks. */
static enum sandbox_role held_by = SANDBOX_ROLE_COUNT;
/* The same, or SANDBOX_ROLE_COUNT if an earlier image entered that role. */
static enum sandbox_role entered = SANDBOX_ROLE_COUNT;

int
sandbox_prepare(enum sandbox_role role, const char **what)
{
	uint64_t memory_max;
	struct prepared *p;

	p = &prepared[role];
	if (p->done) {
		*what = "prepared twice";
		errno = EALREADY;
		return -1;
	}
	*what = "getrlimit";
	memory_max = SANDBOX_SANITIZED ? 0 :
	    sandbox_table[role].memory_max_bytes;
	if (sandbox_limits_note(&p->limits, role, memory_max, memory_max == 0 ?
	    0 : memory_max + SANDBOX_IMAGE_MAX_BYTES) == -1)
		return -1;
	p->no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
	if (sandbox_seccomp_compile(role, held_by, entered, &p->program,
	    what) == -1)
		return -1;
	p->ruleset = -1;
	if (!(sandbox_table[role].rights & (RIGHT_FILES | RIGHT_EXEC_SELF)) &&
	    sandbox_landlock_holds(role)) {
		p->ruleset = sandbox_landlock_ruleset(NULL, 0, what);
		if (p->ruleset == -1)
			return -1;
	}
	p->done = true;
	return 0;
}

static int
restrict_paths(enum sandbox_role role, const struct sandbox_path *paths,
    size_t path_count, const char **what)
{
	int ruleset, result, saved;

	ruleset = prepared[role].ruleset;
	if (ruleset == -1) {
		if (!sandbox_landlock_holds(role))
			return 0;
		ruleset = sandbox_landlock_ruleset(paths, path_count, what);
		if (ruleset == -1)
			return -1;
	}
	result = sandbox_landlock_restrict(ruleset, what);
	saved = errno;
	if (result == 0 || prepared[role].ruleset == -1)
		close(ruleset);
	errno = saved;
	return result;
}

int
sandbox_enter(enum sandbox_role role, const struct sandbox_path *paths,
    size_t path_count, const char **what)
{
	const struct prepared *p;

	p = &prepared[role];
	*what = "not prepared";
	if (!p->done || (path_count != 0 && p->ruleset != -1)) {
		errno = EINVAL;
		return -1;
	}
	*what = "setrlimit";
	if (sandbox_limits_set(&p->limits) == -1)
		return -1;
	*what = "PR_SET_DUMPABLE";
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		return -1;
	*what = "PR_SET_NO_NEW_PRIVS";
	if (!p->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return -1;
	if (restrict_paths(role, paths, path_count, what) == -1)
		return -1;
	if (sandbox_seccomp_install(&p->program, what) == -1)
		return -1;
	/* Only a role that forks prepares another: a page less to copy. */
	if (sandbox_table[role].rights & RIGHT_FORK)
		held_by = entered = role;
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
	(void)paths;
	(void)path_count;
	*what = "held by no sandbox";
	errno = 0;
	if (syscall(SYS_getpriority, PRIO_PROCESS, 0) != -1 ||
	    errno != ENOSYS ||
	    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) {
		errno = EPERM;
		return -1;
	}
	*what = "PR_SET_DUMPABLE";
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		return -1;
	held_by = role;
	return 0;
}

bool
sandbox_exists(void)
{
	const uint32_t kill = SECCOMP_RET_KILL_PROCESS;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0U, &kill) == 0;
}

const char *
sandbox_lacks(void)
{
	if (!sandbox_exists())
		return "there is no seccomp here, so no process is held by "
		    "anything but its user";
	switch (sandbox_landlock_abi()) {
	case 0:
		return "there is no Landlock here, so the master opens what "
		    "its user may; a kernel from 5.19 on has it, if the boot "
		    "parameter lsm= names it";
	case 1:
		return "Landlock here is of ABI 1, which cannot hold the "
		    "master's paths; that of a kernel from 5.19 on can";
	default:
		return NULL;
	}
}

const char *
sandbox_describe(void)
{
	static char text[128];
	char landlock[48];
	int abi;

	if (!sandbox_exists())
		return "no seccomp in this kernel";
	abi = sandbox_landlock_abi();
	if (abi == 0)
		snprintf(landlock, sizeof(landlock),
		    "no landlock in this kernel");
	else
		snprintf(landlock, sizeof(landlock), "landlock %d%s", abi,
		    abi == 1 ? " (not the master)" : "");
	snprintf(text, sizeof(text), "seccomp, %s, rlimits%s", landlock,
	    SANDBOX_SANITIZED ? " (sanitizer build: weaker)" : "");
	return text;
}
