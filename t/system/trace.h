/*
 * Ends a process at a chosen system call, or makes that call fail, by
 * ptrace(2).
 */
#ifndef T_SYSTEM_TRACE_H
#define T_SYSTEM_TRACE_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>

/*
 * Stops pid and lets it go on, so that from now on it stops whenever it enters
 * or leaves a system call.  False if it cannot be traced (errno).
 */
bool	trace_begin(pid_t pid);

enum trace_end {
	TRACE_KILLED,		/* at stop number count */
	TRACE_HELD,		/* the same */
	TRACE_DONE,		/* the child watched ended before */
	TRACE_GONE		/* pid ended by itself */
};

/*
 * Lets pid go on, counting how often it enters or leaves a system call, and
 * kills it with SIGKILL at the count-th time; a call that it enters is then
 * not made.  Returns earlier when the child watched has ended, with its status
 * in *status.
 */
enum trace_end trace_kill_at(pid_t pid, unsigned count, pid_t watched,
	    int *status);
/*
 * The same with n processes, each after trace_begin(), whose calls are counted
 * together: the one that makes the count-th is held there, with its place in
 * *which, and the others go on untraced.  TRACE_HELD, or TRACE_GONE: none is
 * left.
 */
enum trace_end trace_hold_one(const pid_t *pids, size_t n, unsigned count,
	    pid_t watched, int *status, size_t *which);
/* Ends a process that is held. */
void	trace_kill(pid_t pid);
/*
 * Lets pid go on until the child watched has ended, with its status in
 * *status, and then detaches from pid.  The count-th system call with number
 * call is not made, and fails with error.  False: there was none.
 */
bool	trace_fail_at(pid_t pid, long call, unsigned count, int error,
	    pid_t watched, int *status);
/*
 * Lets n processes go on, each after trace_begin(), until the child watched has
 * ended, with its status in *status, and then detaches from them.  Calls see
 * for each system call that the process which[i] of them enters.
 */
void	trace_watch(const pid_t *pids, size_t n, pid_t watched, int *status,
	    void (*see)(void *arg, size_t which, long call,
	    const unsigned long long args[6]), void *arg);
/* Lets pid go on until it enters call, and holds it there.  False: it ended. */
bool	trace_hold_at(pid_t pid, long call);
void	trace_release(pid_t pid);
/* Can a call be made to fail on this machine? */
bool	trace_can_fail(void);

#endif
