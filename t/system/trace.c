/*
 * Follows one process by ptrace(2).  Its children are not followed.
 */
#include "t/system/trace.h"

#include <sys/ptrace.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>

enum { syscall_stop = SIGTRAP | 0x80 };

static long
resume(pid_t pid, int sig)
{
	return ptrace(PTRACE_SYSCALL, pid, 0UL, (unsigned long)sig);
}

bool
trace_begin(pid_t pid)
{
	int status;

	if (ptrace(PTRACE_SEIZE, pid, 0UL,
	    (unsigned long)PTRACE_O_TRACESYSGOOD) == -1 ||
	    ptrace(PTRACE_INTERRUPT, pid, 0UL, 0UL) == -1)
		return false;
	while (waitpid(pid, &status, __WALL) == -1)
		if (errno != EINTR)
			return false;
	return WIFSTOPPED(status) && resume(pid, 0) == 0;
}

static void
kill_and_reap(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status))
		continue;
}

enum trace_end
trace_kill_at(pid_t pid, unsigned count, pid_t watched, int *status)
{
	unsigned seen = 0;

	for (;;) {
		int got, sig;
		pid_t who = waitpid(-1, &got, __WALL);

		if (who == -1 && errno != EINTR)
			return TRACE_GONE;
		if (who == watched) {
			*status = got;
			return TRACE_DONE;
		}
		if (who != pid)
			continue;
		if (!WIFSTOPPED(got))
			return TRACE_GONE;
		sig = WSTOPSIG(got);
		if (sig == syscall_stop && ++seen == count) {
			kill_and_reap(pid);
			return TRACE_KILLED;
		}
		/* A signal of its own is passed on; a mere stop is not one. */
		if (sig == syscall_stop || got >> 16 != 0)
			sig = 0;
		resume(pid, sig);
	}
}
