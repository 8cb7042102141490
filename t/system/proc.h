/*
 * Processes as the kernel shows them in /proc.
 */
#ifndef T_SYSTEM_PROC_H
#define T_SYSTEM_PROC_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All descendants of top, each child after its parent; returns their number. */
size_t	proc_below(pid_t top, pid_t *out, size_t max);
/* Children of parent with this program name (NULL: any), oldest first. */
size_t	proc_children(pid_t parent, const char *name, pid_t *out, size_t max);
/* Is "-x" the first argument of pid? */
bool	proc_has_option(pid_t pid, char x);
/*
 * The helper processes of master with option x; where there are several, the
 * first only waits for the end of one.
 */
size_t	proc_helpers(pid_t master, char x, pid_t *out, size_t max);
/* One of them that serves; 0: none. */
pid_t	proc_helper(pid_t master, char x);
/* Sends sig to all others that serve: it works alone (SIGSTOP), or not. */
void	proc_signal_others(pid_t master, char x, int sig);
/*
 * True if top and every process below it slept, and none has run since the
 * previous call, which set *seen: as nothing is under way, nothing happens
 * until something comes from outside, or a timer ends.  *seen is 0 at first.
 */
bool	proc_rests(pid_t top, uint64_t *seen);
/* Sends SIGSTOP to pid, and waits until the process has stopped. */
void	proc_stop(pid_t pid);
/* pid does not exist, or is a zombie. */
bool	proc_is_gone(pid_t pid);
/*
 * The text after "KEY:" in /proc/PID/status, without blanks at its ends; false
 * if there is no such key, or process.
 */
bool	proc_status_of(pid_t pid, const char *key, char *out, size_t size);
/* The same; the test fails if there is none. */
void	proc_status(pid_t pid, const char *key, char *out, size_t size);
/* The same, for a value in KiB. */
size_t	proc_kib(pid_t pid, const char *key);

enum { proc_fds_max = 512 };

struct proc_fd {
	int		fd;
	unsigned	flags;		/* of open(2), from fdinfo */
	char		what[256];	/* target of the link */
};

/* The descriptors of pid, by number; -1 and errno if they cannot be read. */
int	proc_fds(pid_t pid, struct proc_fd out[proc_fds_max]);
/* Their number; fails the test if they cannot be read. */
size_t	proc_fd_count(pid_t pid);

#endif
