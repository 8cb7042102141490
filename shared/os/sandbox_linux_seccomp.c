/*
 * Compiles the filter of a role from sandbox_linux_calls.c.  libseccomp runs
 * once, in sandbox_prepare; a new worker installs the finished program with
 * one system call.
 */
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <errno.h>
#include <linux/seccomp.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <unistd.h>

#include "shared/os/sandbox_linux.h"

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
    unsigned rights, unsigned outer)
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
call_is_checked(int call, unsigned rights, unsigned checker)
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
    unsigned rights, unsigned checker)
{
	int result;

	if (!rule_applies(rule, rights))
		return 0;
	if (!call_is_checked(rule->call, rights, checker))
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
fill(scmp_filter_ctx ctx, unsigned rights, unsigned outer, unsigned checker)
{
	int result = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
	    SCMP_ACT_KILL_PROCESS);

	if (result == 0)
		result = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (size_t i = 0; result == 0 && i < sandbox_calls_count; i++)
		result = add_calls(ctx, &sandbox_calls[i], rights, outer);
	for (size_t i = 0; result == 0 && i < sandbox_rules_count; i++)
		result = add_rule(ctx, &sandbox_rules[i], rights, checker);
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

int
sandbox_seccomp_compile(enum sandbox_role role, unsigned outer,
    unsigned checker, struct sock_fprog *out, const char **what)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int result = -ENOMEM;

	*what = "seccomp rules";
	if (ctx != NULL)
		result = fill(ctx, sandbox_linux_rights(role), outer, checker);
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
