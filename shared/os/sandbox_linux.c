/*
 * The sandbox on Linux: limits, no new privileges, not dumpable, Landlock
 * (sandbox_linux_landlock.c), and seccomp by the tables of
 * sandbox_linux_calls.c.  libseccomp runs once, in sandbox_prepare; a new
 * worker installs the finished program with one system call.  On a kernel
 * without Landlock, system calls and limits are still confined, and
 * sandbox_facts says what is missing; without seccomp there is no sandbox.
 */
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
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
/* The same, or 0 if an earlier image of this process compiled that filter. */
static unsigned checker;

enum { program_max = 2048 };	/* instructions; 400 are usual */

unsigned
sandbox_linux_rights(enum sandbox_role role)
{
	unsigned rights = sandbox_table[role].rights;

	/* An interpreter is mapped, so this program needs its loader. */
	if ((rights & RIGHT_EXEC_SELF) && getauxval(AT_BASE) != 0)
		rights |= RIGHT_LOADER;
	if (SANDBOX_SANITIZED)
		rights |= RIGHT_SANITIZER;
	return rights;
}

static uint32_t
group_action(const struct sandbox_calls *group, unsigned rights)
{
	if (rights & group->allow)
		return SCMP_ACT_ALLOW;
	if (rights & group->spare)
		return SCMP_ACT_ERRNO(ENOSYS);
	return SCMP_ACT_KILL_PROCESS;
}

/*
 * Adds a group unless it needs no instructions: ENOSYS is the default, and a
 * call for which the outer filter kills still kills, as the severest of two
 * filters counts.  This halves the time to enter; an error here would mean
 * ENOSYS.
 */
static int
add_calls(scmp_filter_ctx ctx, const struct sandbox_calls *group,
    unsigned rights)
{
	uint32_t action = group_action(group, rights);
	int result = 0;

	if (action != SCMP_ACT_ALLOW && (action != SCMP_ACT_KILL_PROCESS ||
	    (outer != 0 && group_action(group, outer) == action)))
		return 0;
	for (size_t k = 0; result == 0 && k < group->count; k++)
		result = seccomp_rule_add_array(ctx, action, group->calls[k],
		    0, NULL);
	return result;
}

static bool
rule_applies(const struct sandbox_rule *rule, unsigned rights)
{
	return (rights & rule->with) && !(rights & rule->without);
}

/*
 * Whether the filter of checker, which stays in force, has the same rules for
 * call as rights need.  It then checks the arguments, and as the severest of
 * two filters counts, the inner one may allow the call with any arguments:
 * that halves the time to enter again.
 */
static bool
call_is_checked(int call, unsigned rights)
{
	for (size_t i = 0; checker != 0 && i < sandbox_rules_count; i++)
		if (sandbox_rules[i].call == call &&
		    rule_applies(&sandbox_rules[i], rights) !=
		    rule_applies(&sandbox_rules[i], checker))
			return false;
	return checker != 0;
}

static int
add_rule(scmp_filter_ctx ctx, const struct sandbox_rule *rule,
    unsigned rights)
{
	int result;

	if (!rule_applies(rule, rights))
		return 0;
	if (!call_is_checked(rule->call, rights))
		return seccomp_rule_add_array(ctx, rule->kill ?
		    SCMP_ACT_KILL_PROCESS : SCMP_ACT_ALLOW, rule->call,
		    rule->count, rule->args);
	result = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, rule->call, 0,
	    NULL);
	/* An earlier rule for this call has allowed it already. */
	return result == -EEXIST ? 0 : result;
}

/*
 * A call by another convention (32-bit, x32) is an attack.  A binary tree
 * halves the time of installing: the kernel then runs the program for each
 * call number.  As libseccomp does, returns a negative errno.
 */
static int
fill(scmp_filter_ctx ctx, unsigned rights)
{
	int result = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
	    SCMP_ACT_KILL_PROCESS);

	if (result == 0)
		result = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (size_t i = 0; result == 0 && i < sandbox_calls_count; i++)
		result = add_calls(ctx, &sandbox_calls[i], rights);
	for (size_t i = 0; result == 0 && i < sandbox_rules_count; i++)
		result = add_rule(ctx, &sandbox_rules[i], rights);
	return result;
}

/*
 * libseccomp writes the program to a descriptor by one write(2): to a socket,
 * since no process here may use memfd_create(2), whose memory could be
 * executed.  The program is kept outside the heap, so that libseccomp's memory
 * can be returned: every page of the nursery costs time at every fork.
 */
static int
export_program(scmp_filter_ctx ctx, enum sandbox_role role,
    struct sock_fprog *out)
{
	static struct sock_filter code[SANDBOX_ROLE_COUNT][program_max];
	ssize_t size = 0;
	int ends[2], result;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0, ends) == -1)
		return -errno;
	result = seccomp_export_bpf(ctx, ends[0]);
	if (result == 0)
		size = read(ends[1], code[role], sizeof(code[role]));
	/* A program that fills the buffer may have been cut. */
	if (result == 0 && (size <= 0 || (size_t)size == sizeof(code[role])))
		result = size == -1 ? -errno : -E2BIG;
	out->filter = code[role];
	out->len = (unsigned short)((size_t)size / sizeof(code[role][0]));
	close(ends[0]);
	close(ends[1]);
	return result;
}

/* The filter of role as a program for seccomp(2), in *out. */
static int
compile(enum sandbox_role role, struct sock_fprog *out, const char **what)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int result = -ENOMEM;

	*what = "seccomp rules";
	if (ctx != NULL)
		result = fill(ctx, sandbox_linux_rights(role));
	if (result == 0) {
		*what = "seccomp_export_bpf";
		result = export_program(ctx, role, out);
	}
	seccomp_release(ctx);
#ifdef __GLIBC__
	malloc_trim(0);
#endif
	if (result == 0)
		return 0;
	errno = -result;
	return -1;
}

int
sandbox_os_prepare(enum sandbox_role role, const char **what)
{
	struct prepared *p = &prepared[role];

	p->no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
	if (compile(role, &p->program, what) == -1)
		return -1;
	p->ruleset = -1;
	if ((sandbox_table[role].rights & (RIGHT_FILES | RIGHT_EXEC_SELF)) ||
	    !sandbox_confines_paths(role))
		return 0;
	p->ruleset = sandbox_landlock_ruleset(role, NULL, 0, what);
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
		ruleset = sandbox_landlock_ruleset(role, paths, path_count,
		    what);
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
	*what = "in no sandbox";
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
	    "kernel", "no seccomp in this kernel: only its user confines a "
	    "process" };
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
	facts.lacks = abi == 0 ? "no Landlock in this kernel: the master can "
	    "open all files that its user can; kernels from 5.19 on have "
	    "Landlock, if the boot parameter lsm= names it" : abi == 1 ?
	    "Landlock has ABI 1, which cannot confine the master's paths; "
	    "kernels from 5.19 on can" : NULL;
	return &facts;
}
