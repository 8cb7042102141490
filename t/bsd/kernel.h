/*
 * OpenBSD's pledge(2) and FreeBSD's capsicum(4), played on Linux for the
 * programs that are linked with this.  A seccomp filter lets through what is
 * promised whatever its arguments are; every other system call traps, and
 * kernel_answers says what that kernel would do with it.
 *
 * It is no sandbox: its own calls pass the filter by a secret last argument.
 */
#ifndef T_BSD_KERNEL_H
#define T_BSD_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A system call as it trapped. */
struct call {
	long	number;
	long	args[6];
};

/* What kernel_answers returns beside a result: let the call through. */
#define kernel_passes	LONG_MIN

/* By the system that is played; of a call that trapped. */
long	kernel_answers(const struct call *call);
/* By the system that is played, first of all, if an image left state to it. */
void	kernel_resumes(const char *state);

/* Installs a filter that lets these calls through, and traps the others. */
int	kernel_confine(const int *const *lists, const size_t *counts, size_t n);
/* A system call past all filters; a negative errno. */
long	kernel_raw(long number, long a, long b, long c, long d);
/* execve(2) or execveat(2) as trapped, with state for the next image. */
long	kernel_execute(const struct call *call, const char *state);
/*
 * A line in the log of the kernel; if the process dies of it, also on the
 * terminal of its session, and SIGABRT.
 */
void	kernel_says(const char *what, long number, bool dies);
/* Of a Landlock ruleset: the files that kernel_says appends to. */
void	kernel_lifts(int ruleset, void (*lift)(int ruleset, const char *path,
	    const char *permissions));

#endif
