/*
 * Processes as the kernel shows them in /proc.
 */
#ifndef T_SYSTEM_PROC_H
#define T_SYSTEM_PROC_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Every process below top, children first to be born first; how many. */
size_t	proc_below(pid_t top, pid_t *out, size_t max);
/* Children of parent whose program is named so (NULL: any), oldest first. */
size_t	proc_children(pid_t parent, const char *name, pid_t *out, size_t max);
/* Its only argument is "-x". */
bool	proc_has_option(pid_t pid, char x);
/* The helper process of master that has it; 0: none. */
pid_t	proc_helper(pid_t master, char x);
/*
 * True if top and every process below it slept, and none has run since the
 * call before that gave *seen: as nothing is under way, nothing happens until
 * something comes from outside, or a timer ends.  *seen is 0 at first.
 */
bool	proc_rests(pid_t top, uint64_t *seen);
/* Sends it SIGSTOP, and waits until it has stopped. */
void	proc_stop(pid_t pid);
/* Not there, or only its status is still to be read. */
bool	proc_is_gone(pid_t pid);
/*
 * The text behind "KEY:" in /proc/PID/status, blanks at its ends cut; false
 * if it, or the process, is not there.
 */
bool	proc_status_of(pid_t pid, const char *key, char *out, size_t size);
/* The same, and the test fails if it is not there. */
void	proc_status(pid_t pid, const char *key, char *out, size_t size);
/* The same, of what is in KiB there. */
size_t	proc_kib(pid_t pid, const char *key);

enum { proc_fds_max = 512 };

struct proc_fd {
	int		fd;
	unsigned	flags;		/* of open(2), from fdinfo */
	char		what[256];	/* what the link says */
};

/* Its descriptors by number; -1 and errno if they cannot be read. */
int	proc_fds(pid_t pid, struct proc_fd out[proc_fds_max]);
/* How many it has; fails the test if that cannot be read. */
size_t	proc_fd_count(pid_t pid);

#endif
