/*
 * What each process may do, as one table: a role's line holds its rights,
 * and what is absent is denied.  sandbox_linux.c, sandbox_openbsd.c and
 * sandbox_freebsd.c translate it; sandbox_none.c says that nothing holds.
 */
#ifndef SHARED_SANDBOX_TABLE_H
#define SHARED_SANDBOX_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sandbox_role {
	SANDBOX_MASTER,		/* after start-up, as _smtpd */
	SANDBOX_NURSERY,	/* forks workers, executes itself */
	SANDBOX_SMTP,		/* one session of a stranger */
	SANDBOX_SIGN,		/* holds the private keys */
	SANDBOX_AUTH,		/* holds the passwords */
	SANDBOX_DISK,		/* syncs what it is sent */
	SANDBOX_LOGGER,		/* writes the log file */
	SANDBOX_KEEPER,		/* starts those again, executes itself */
	SANDBOX_ROLE_COUNT
};

/* Rights; each names what a person would call it, not a system call. */
enum sandbox_right {
	RIGHT_IO = 1 << 0,	/* read, write, send, receive, poll, close on
				   descriptors it was given; memory; clock */
	RIGHT_SYNC = 1 << 1,	/* fdatasync, fsync */
	RIGHT_RECV_FD = 1 << 2,	/* take and give descriptors on a channel */
	RIGHT_ACCEPT = 1 << 3,	/* accept and refuse connections */
	RIGHT_FILES = 1 << 4,	/* open, link, rename, unlink, mkdir, stat
				   below its own paths */
	RIGHT_FORK = 1 << 5,	/* fork, wait, socketpair, limits and the next
				   sandbox for the child */
	RIGHT_EXEC_SELF = 1 << 6, /* execute its own program again */
	RIGHT_SYSLOG = 1 << 7,	/* reconnect to the local syslog */
	RIGHT_EVENTS = 1 << 8	/* epoll or kqueue, timers, signal handlers */
};

struct sandbox_line {
	const char	*name;		/* "master", "nursery", "smtp", ... */
	unsigned	 rights;	/* of enum sandbox_right */
	uint64_t	 memory_max_bytes; /* RLIMIT_DATA; 0: as inherited */
	unsigned	 descriptors_max;  /* RLIMIT_NOFILE; 0: as inherited */
	bool		 no_fork;	/* RLIMIT_NPROC 0 */
};

extern const struct sandbox_line sandbox_table[SANDBOX_ROLE_COUNT];

enum sandbox_write {
	SANDBOX_READ_ONLY = false,
	SANDBOX_CHANGE = true,	/* create, change, remove below it */
	SANDBOX_ADD		/* create files, and write; not even read */
};

/* A path a role may open, and how; Linux Landlock and OpenBSD unveil. */
struct sandbox_path {
	const char		*path;	/* NULL where only fd is known */
	int			 fd;	/* open on it; or -1 */
	enum sandbox_write	 write;
	bool			 exec;	/* execute it */
};

/*
 * Made once, before workers are forked: filters compiled, so that entering
 * is a few system calls and no allocation.  For SANDBOX_SMTP after the
 * nursery has entered (or resumed) its own role: what workers inherit from
 * it, they need not set again.  One descriptor may stay open,
 * close-on-exec, until sandbox_enter closes it in the child: close no
 * descriptors blindly in between.
 * 0, or -1 with errno and *what naming the step that failed.
 */
int	sandbox_prepare(enum sandbox_role role, const char **what);
/*
 * Before sandbox_enter: no file that this process writes becomes larger
 * (RLIMIT_FSIZE).  0, or -1 and errno.
 */
int	sandbox_limit_file(uint64_t max_bytes);
/*
 * Enters role for good: limits, not dumpable, no new privileges, paths (all
 * that may be opened; a role without RIGHT_FILES and RIGHT_EXEC_SELF passes
 * none), system calls.  sandbox_prepare(role) came before.
 * 0, or -1 with errno and *what.
 */
int	sandbox_enter(enum sandbox_role role, const struct sandbox_path *paths,
	    size_t path_count, const char **what);
/*
 * For a process that executed itself while held by role, instead of
 * sandbox_prepare and sandbox_enter: what execution undid is done again,
 * without a second layer where the first outlives it.  It is checked that
 * the process is held.  0, or -1 with errno (EPERM: not held) and *what.
 */
int	sandbox_resume(enum sandbox_role role, const struct sandbox_path *paths,
	    size_t path_count, const char **what);
/*
 * False where nothing holds a process: in a build that has nothing
 * (sandbox_none.c), and on Linux under a kernel, or what stands for one,
 * without seccomp.  Asked before a process is held.
 */
bool	sandbox_exists(void);
/*
 * What the sandbox of this system lacks and a newer one has, or that there is
 * none, in words for an administrator; NULL: nothing.  Asked before, too.
 */
const char *sandbox_lacks(void);
/*
 * No page of this process goes to the swap area from now on.  Before
 * sandbox_enter.  False where RLIMIT_MEMLOCK is less than role may have, for
 * then it could get no memory any more; or where there is no such thing.
 */
bool	sandbox_lock(enum sandbox_role role);
/* What holds role here, for people: "seccomp, landlock 7, rlimits". */
const char *sandbox_describe(void);
/*
 * Tries every forbidden thing in throw-away children that enter role: each
 * must be killed or refused.  Called by a process that may still fork and
 * that has prepared role; on Linux the nursery may, held itself.  0; or -1,
 * *what names the thing that succeeded ("open", "socket", ...) or, with
 * errno != 0, the step that failed.
 */
int	sandbox_self_test(enum sandbox_role role, const char **what);

#endif
