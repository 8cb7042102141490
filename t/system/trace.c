/*
 * Follows one process by ptrace(2).  Its children are not followed.
 */
#include "t/system/trace.h"

#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

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

void
trace_kill(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status))
		continue;
}

/* Where the process is let go, wherever it is; it may have ended. */
static void
let_go(pid_t pid)
{
	int got;

	if (ptrace(PTRACE_INTERRUPT, pid, 0UL, 0UL) == 0 &&
	    waitpid(pid, &got, __WALL) == pid && WIFSTOPPED(got))
		(void)ptrace(PTRACE_DETACH, pid, 0UL, 0UL);
}

enum trace_end
trace_hold_one(const pid_t *pids, size_t n, unsigned count, pid_t watched,
    int *status, size_t *which)
{
	unsigned seen = 0;
	size_t left = n, i;

	while (left > 0) {
		int got, sig;
		pid_t who = waitpid(-1, &got, __WALL);

		if (who == -1 && errno != EINTR)
			return TRACE_GONE;
		if (who == watched) {
			*status = got;
			for (i = 0; i < n; i++)
				let_go(pids[i]);
			return TRACE_DONE;
		}
		for (i = 0; i < n && pids[i] != who; i++)
			continue;
		if (i == n)
			continue;
		if (!WIFSTOPPED(got)) {
			left--;
			continue;
		}
		sig = WSTOPSIG(got);
		if (sig == syscall_stop && ++seen == count) {
			*which = i;
			for (i = 0; i < n; i++)
				if (pids[i] != who)
					let_go(pids[i]);
			return TRACE_HELD;
		}
		/* A signal of its own is passed on; a mere stop is not one. */
		if (sig == syscall_stop || got >> 16 != 0)
			sig = 0;
		resume(who, sig);
	}
	return TRACE_GONE;
}

enum trace_end
trace_kill_at(pid_t pid, unsigned count, pid_t watched, int *status)
{
	size_t which;
	enum trace_end end = trace_hold_one(&pid, 1, count, watched, status,
	    &which);

	if (end != TRACE_HELD)
		return end;
	trace_kill(pid);
	return TRACE_KILLED;
}

#if defined(__x86_64__)
enum { can_fail = 1 };

static void
set_call(struct user_regs_struct *r, long call)
{
	r->orig_rax = (unsigned long long)call;
}

static void
set_result(struct user_regs_struct *r, long result)
{
	r->rax = (unsigned long long)result;
}
#else
enum { can_fail = 0 };

static void
set_call(struct user_regs_struct *r, long call)
{
	(void)r;
	(void)call;
}

static void
set_result(struct user_regs_struct *r, long result)
{
	(void)r;
	(void)result;
}
#endif

bool
trace_can_fail(void)
{
	return can_fail != 0;
}

/* At a stop where a call is entered (its number) or left. */
static void
change(pid_t pid, void (*set)(struct user_regs_struct *, long), long value)
{
	struct user_regs_struct r;
	struct iovec v = { &r, sizeof(r) };

	if (ptrace(PTRACE_GETREGSET, pid, (unsigned long)NT_PRSTATUS, &v) == -1)
		return;
	set(&r, value);
	(void)ptrace(PTRACE_SETREGSET, pid, (unsigned long)NT_PRSTATUS, &v);
}

/* At a stop: is call entered? */
static bool
enters(pid_t pid, long call)
{
	struct __ptrace_syscall_info info;

	memset(&info, 0, sizeof(info));
	return ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0 &&
	    info.op == PTRACE_SYSCALL_INFO_ENTRY &&
	    info.entry.nr == (unsigned long)call;
}

bool
trace_fail_at(pid_t pid, long call, unsigned count, int error, pid_t watched,
    int *status)
{
	bool failing = false, failed = false, gone = false;
	unsigned seen = 0;
	pid_t who;
	int got;

	while ((who = waitpid(-1, &got, __WALL)) != watched) {
		int sig = WIFSTOPPED(got) ? WSTOPSIG(got) : 0;

		if (who == -1 && errno != EINTR)
			return false;
		gone = gone || (who == pid && !WIFSTOPPED(got));
		if (who != pid || gone)
			continue;
		if (sig == syscall_stop && failing) {
			change(pid, set_result, -error);
			failing = false;
		} else if (sig == syscall_stop && !failed &&
		    enters(pid, call) && ++seen == count) {
			change(pid, set_call, -1);
			failed = failing = true;
		}
		resume(pid, sig == syscall_stop || got >> 16 != 0 ? 0 : sig);
	}
	*status = got;
	if (!gone)
		let_go(pid);
	return failed;
}

void
trace_watch(const pid_t *pids, size_t n, pid_t watched, int *status,
    void (*see)(void *arg, size_t which, long call,
    const unsigned long long args[6]), void *arg)
{
	struct __ptrace_syscall_info info;
	pid_t who;
	size_t i;
	int got;

	while ((who = waitpid(-1, &got, __WALL)) != watched) {
		const bool stop = WIFSTOPPED(got) &&
		    WSTOPSIG(got) == syscall_stop;

		if (who == -1 && errno != EINTR)
			return;
		for (i = 0; i < n && pids[i] != who; i++)
			continue;
		if (i == n || !WIFSTOPPED(got))
			continue;
		memset(&info, 0, sizeof(info));
		if (stop && ptrace(PTRACE_GET_SYSCALL_INFO, who, sizeof(info),
		    &info) > 0 && info.op == PTRACE_SYSCALL_INFO_ENTRY) {
			unsigned long long args[6];

			for (size_t k = 0; k < 6; k++)
				args[k] = info.entry.args[k];
			see(arg, i, (long)info.entry.nr, args);
		}
		resume(who, stop || got >> 16 != 0 ? 0 : WSTOPSIG(got));
	}
	*status = got;
	for (i = 0; i < n; i++)
		let_go(pids[i]);
}

bool
trace_hold_at(pid_t pid, long call)
{
	int got;

	while (waitpid(pid, &got, __WALL) == pid && WIFSTOPPED(got)) {
		bool stop = WSTOPSIG(got) == syscall_stop;

		if (stop && enters(pid, call))
			return true;
		resume(pid, stop || got >> 16 != 0 ? 0 : WSTOPSIG(got));
	}
	return false;
}

void
trace_release(pid_t pid)
{
	(void)ptrace(PTRACE_DETACH, pid, 0UL, 0UL);
}
