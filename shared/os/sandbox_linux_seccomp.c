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
	unsigned rights;

	rights = sandbox_table[role].rights;
	/* An interpreter is mapped, so this program needs its loader. */
	if ((rights & RIGHT_EXEC_SELF) && getauxval(AT_BASE) != 0)
		rights |= RIGHT_LOADER;
	if (SANDBOX_SANITIZED)
		rights |= RIGHT_SANITIZER;
	return rights;
}

/* libseccomp returns a negative errno. */
static int
negative_errno(int result)
{
	if (result == 0)
		return 0;
	errno = -result;
	return -1;
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
 * Whether a group needs no instructions: ENOSYS is the default, and a call for
 * which the outer filter kills still kills, as the severest of two filters
 * counts.  This halves the time to enter; an error here would mean ENOSYS.
 */
static bool
group_implied(const struct sandbox_calls *group, unsigned rights,
    enum sandbox_role outer)
{
	switch (group_action(group, rights)) {
	case SCMP_ACT_ALLOW:
		return false;
	case SCMP_ACT_KILL_PROCESS:
		return outer != SANDBOX_ROLE_COUNT &&
		    group_action(group, sandbox_linux_rights(outer)) ==
		    SCMP_ACT_KILL_PROCESS;
	default:
		return true;
	}
}

static int
add_calls(scmp_filter_ctx ctx, unsigned rights, enum sandbox_role outer)
{
	const struct sandbox_calls *group;
	size_t i, k;
	int result;

	for (i = 0; i < sandbox_calls_count; i++) {
		group = &sandbox_calls[i];
		if (group_implied(group, rights, outer))
			continue;
		for (k = 0; k < group->count; k++) {
			result = seccomp_rule_add_array(ctx,
			    group_action(group, rights), group->calls[k], 0,
			    NULL);
			if (result != 0)
				return negative_errno(result);
		}
	}
	return 0;
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
call_is_checked(int call, unsigned rights, enum sandbox_role checker)
{
	const struct sandbox_rule *rule;
	unsigned outer;
	size_t i;

	if (checker == SANDBOX_ROLE_COUNT)
		return false;
	outer = sandbox_linux_rights(checker);
	for (i = 0; i < sandbox_rules_count; i++) {
		rule = &sandbox_rules[i];
		if (rule->call == call &&
		    rule_applies(rule, rights) != rule_applies(rule, outer))
			return false;
	}
	return true;
}

/* -EEXIST: an earlier rule for this call has allowed it already. */
static int
add_rule(scmp_filter_ctx ctx, const struct sandbox_rule *rule, bool checked)
{
	int result;

	if (checked) {
		result = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW,
		    rule->call, 0, NULL);
		return result == -EEXIST ? 0 : result;
	}
	return seccomp_rule_add_array(ctx, rule->kill ?
	    SCMP_ACT_KILL_PROCESS : SCMP_ACT_ALLOW, rule->call, rule->count,
	    rule->args);
}

static int
add_rules(scmp_filter_ctx ctx, unsigned rights, enum sandbox_role checker)
{
	const struct sandbox_rule *rule;
	size_t i;
	int result;

	for (i = 0; i < sandbox_rules_count; i++) {
		rule = &sandbox_rules[i];
		if (!rule_applies(rule, rights))
			continue;
		result = add_rule(ctx, rule, call_is_checked(rule->call,
		    rights, checker));
		if (result != 0)
			return negative_errno(result);
	}
	return 0;
}

/*
 * A call by another convention (32-bit, x32) is an attack.  A binary tree
 * halves the time of installing: the kernel then runs the program for each
 * call number.
 */
static int
set_attributes(scmp_filter_ctx ctx)
{
	int result;

	result = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
	    SCMP_ACT_KILL_PROCESS);
	if (result == 0)
		result = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return negative_errno(result);
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
	ssize_t size;
	int ends[2], saved, result = -1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0, ends) == -1)
		return -1;
	if (negative_errno(seccomp_export_bpf(ctx, ends[0])) == -1)
		goto out;
	size = read(ends[1], code[role], sizeof(code[role]));
	/* A program that fills the buffer may have been cut. */
	if (size <= 0 || (size_t)size == sizeof(code[role])) {
		errno = size == -1 ? errno : E2BIG;
		goto out;
	}
	out->filter = code[role];
	out->len = (unsigned short)((size_t)size / sizeof(code[role][0]));
	result = 0;
out:
	saved = errno;
	close(ends[0]);
	close(ends[1]);
	errno = saved;
	return result;
}

int
sandbox_seccomp_compile(enum sandbox_role role, enum sandbox_role outer,
    enum sandbox_role checker, struct sock_fprog *out, const char **what)
{
	scmp_filter_ctx ctx;
	unsigned rights;
	int result, saved;

	rights = sandbox_linux_rights(role);
	*what = "seccomp_init";
	ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	if (ctx == NULL) {
		errno = ENOMEM;
		return -1;
	}
	*what = "seccomp rules";
	result = set_attributes(ctx);
	if (result == 0)
		result = add_calls(ctx, rights, outer);
	if (result == 0)
		result = add_rules(ctx, rights, checker);
	if (result == 0) {
		*what = "seccomp_export_bpf";
		result = export_program(ctx, role, out);
	}
	saved = errno;
	seccomp_release(ctx);
#ifdef __GLIBC__
	malloc_trim(0);
#endif
	errno = saved;
	return result;
}

int
sandbox_seccomp_install(const struct sock_fprog *program, const char **what)
{
	*what = "seccomp";
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0U, program);
}
