/*
 * What each process may do, as one table: a role's line lists its rights, and
 * everything else is denied.  sandbox_linux.c, sandbox_openbsd.c and
 * sandbox_freebsd.c translate it.
 */
#ifndef SHARED_SANDBOX_TABLE_H
#define SHARED_SANDBOX_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sandbox_role {
	SANDBOX_MASTER,		/* after start-up, as _smtpd */
	SANDBOX_NURSERY,	/* forks workers, executes itself */
	SANDBOX_SMTP,		/* worker: one client's session */
	SANDBOX_SIGN,		/* holds the private keys */
	SANDBOX_AUTH,		/* holds the passwords */
	SANDBOX_DISK,		/* syncs what it is sent */
	SANDBOX_LOGGER,		/* writes the log file */
	SANDBOX_DIAL,		/* connects, and hands on the sockets */
	SANDBOX_KEEPER,		/* starts helpers again, executes itself */
	SANDBOX_ROLE_COUNT
};

/* Rights, in terms of a task rather than of system calls. */
enum sandbox_right {
	RIGHT_IO = 1 << 0,	/* read, write, send, receive, poll, close on
				   descriptors it has; memory; clock */
	RIGHT_SYNC = 1 << 1,	/* fdatasync, fsync */
	RIGHT_RECV_FD = 1 << 2,	/* take and give descriptors on a channel */
	RIGHT_ACCEPT = 1 << 3,	/* accept and refuse connections */
	RIGHT_FILES = 1 << 4,	/* open, link, rename, unlink, mkdir, stat
				   below its own paths */
	RIGHT_FORK = 1 << 5,	/* fork, wait, socketpair, limits and the next
				   sandbox for the child */
	RIGHT_EXEC_SELF = 1 << 6, /* execute its own program again */
	RIGHT_SYSLOG = 1 << 7,	/* reconnect to the local syslog */
	RIGHT_EVENTS = 1 << 8,	/* epoll or kqueue, timers, signal handlers */
	RIGHT_CONNECT = 1 << 9	/* make TCP and UDP sockets, connect them to
				   the ports of sandbox_let_connect, wait */
};

struct sandbox_line {
	const char	*name;		/* "master", "nursery", "smtp", ... */
	unsigned	 rights;	/* of enum sandbox_right */
	uint64_t	 memory_max_bytes; /* RLIMIT_DATA; 0: as inherited */
	unsigned	 descriptors_max;  /* RLIMIT_NOFILE; 0: as inherited */
};				/* RLIMIT_NPROC 0 without RIGHT_FORK */

extern const struct sandbox_line sandbox_table[SANDBOX_ROLE_COUNT];

enum sandbox_write {
	SANDBOX_READ_ONLY = false,
	SANDBOX_CHANGE = true,	/* create, change, remove below it */
	SANDBOX_ADD		/* create files and write, but not read */
};

/* A path that a role may open, for Landlock (Linux) and unveil (OpenBSD). */
struct sandbox_path {
	const char		*path;	/* NULL where only fd is known */
	int			 fd;	/* refers to the path; or -1 */
	enum sandbox_write	 write;
	bool			 exec;	/* execute it */
};

/*
 * Once for a role, before processes are forked for it: compiles filters, so
 * that entering is a few system calls and no allocation.  After the parent has
 * entered (or resumed) its own role, whose filter stays in force.  0, or -1
 * with errno and *what, the step.
 */
int	sandbox_prepare(enum sandbox_role role, const char **what);
/*
 * Before a role with RIGHT_CONNECT is prepared and entered: the TCP ports that
 * it may connect to, where the system can tell.
 */
void	sandbox_let_connect(const uint16_t *ports, size_t count);
/*
 * Before sandbox_enter: limits the size of every file that this process writes
 * (RLIMIT_FSIZE).  0, or -1 and errno.
 */
int	sandbox_limit_file(uint64_t max_bytes);
/*
 * Enters the prepared role for good: limits, not dumpable, no new privileges,
 * paths (all that may be opened; none for a role without RIGHT_FILES and
 * RIGHT_EXEC_SELF), system calls.  0, or -1 with errno and *what.
 */
int	sandbox_enter(enum sandbox_role role, const struct sandbox_path *paths,
	    size_t path_count, const char **what);
/*
 * Instead of sandbox_prepare and sandbox_enter, for a process that executed
 * itself in role's sandbox: restores what execve(2) undid, without a second
 * layer of what survived.  Checks that the process is in a sandbox where the
 * system can tell.  0, or -1 with errno (EPERM: in none) and *what.
 */
int	sandbox_resume(enum sandbox_role role, const struct sandbox_path *paths,
	    size_t path_count, const char **what);
/*
 * What the sandbox of this system is, for people; asked before a role is
 * entered.  There is none on Linux under a kernel, or an emulation of one,
 * without seccomp.
 */
struct sandbox_facts {
	bool		 exists;
	const char	*parts;	/* "seccomp, landlock 7, rlimits" */
	const char	*lacks;	/* what a newer system's has; NULL: nothing */
};

const struct sandbox_facts *sandbox_facts(void);
/*
 * Before sandbox_enter: keeps all pages of this process out of the swap area
 * from now on.  False if RLIMIT_MEMLOCK is too low for role's memory, as malloc
 * would then fail at that limit; or if locking fails.
 */
bool	sandbox_lock(enum sandbox_role role);
/*
<<<<<<< HEAD
 * Prepares role, and tries every forbidden thing in throw-away children that
 * enter it, unless that was proved before: each must be killed or refused.
 * NULL; or what is missing, the failed step, or what succeeded ("open", ...).
=======
 * Prepares role and, unless proved, tries every forbidden thing in children
 * that enter it: each must be killed or refused.  NULL; or what is missing, the
 * failed step, or what succeeded ("open", ...).
>>>>>>> b0a2d43 (sandbox, spool: 80 columns)
 */
const char *sandbox_try(enum sandbox_role role, bool proved);

#endif
