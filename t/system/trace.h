/*
 * Ends a process at a system call of one's choice, or lets that call fail, by
 * ptrace(2).
 */
#ifndef T_SYSTEM_TRACE_H
#define T_SYSTEM_TRACE_H

#include <sys/types.h>

#include <stdbool.h>

/*
 * Stops pid and sets it going again, so that from now on it stops whenever
 * it enters or leaves a system call.  False if it cannot be traced (errno).
 */
bool	trace_begin(pid_t pid);

enum trace_end {
	TRACE_KILLED,		/* at the stop that was asked for */
	TRACE_DONE,		/* watched ended before */
	TRACE_GONE		/* pid ended by itself */
};

/*
 * Lets pid go on, counting how often it enters or leaves a system call, and
 * kills it with SIGKILL at the count-th time.  What it was about to do when
 * it enters is then not done.  Returns earlier when the child watched has
 * ended, whose status is *status then.
 */
enum trace_end trace_kill_at(pid_t pid, unsigned count, pid_t watched,
	    int *status);
/*
 * Lets pid go on until the child watched has ended, whose status is *status
 * then, and no longer follows it.  Its count-th system call of that number is
 * not done, and fails with error.  False: there was none.
 */
bool	trace_fail_at(pid_t pid, long call, unsigned count, int error,
	    pid_t watched, int *status);
/* Can a call be made to fail on this machine? */
bool	trace_can_fail(void);

#endif
