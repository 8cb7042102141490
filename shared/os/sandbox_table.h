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

/*
 * Rights, in terms of a task rather than of system calls.  Every role has its
 * memory, the clock, and descriptors that it takes and gives on a channel.
 */
enum sandbox_right {
	RIGHT_IO = 1 << 0,	/* read, write, send, receive, poll on
				   descriptors it has */
	RIGHT_SYNC = 1 << 1,	/* fdatasync, fsync */
	RIGHT_SERVE = 1 << 2,	/* accept connections; open, link, rename,
				   unlink, mkdir, stat below its own paths;
				   reconnect to the local syslog; epoll or
				   kqueue, timers, signal handlers */
	RIGHT_FORK = 1 << 3,	/* fork, wait, socketpair, limits and the next
				   sandbox for the child; execute its own
				   program again */
	RIGHT_CONNECT = 1 << 4	/* make TCP and UDP sockets, connect them to
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
 * that entering takes few calls.  0, or -1 with errno and *what, the step.
 */
int	sandbox_prepare(enum sandbox_role role, const char **what);
/* Before a role with RIGHT_CONNECT is prepared: the TCP ports it may reach. */
void	sandbox_let_connect(const uint16_t *to, size_t count);
#ifdef __OpenBSD__
#define sandbox_prepare(role, what)		0
#endif
#ifndef __linux__
#define sandbox_let_connect(to, count)		((void)(to), (void)(count))
#endif
/* Before sandbox_enter: RLIMIT_FSIZE.  0, or -1 and errno. */
int	sandbox_limit_file(uint64_t max_bytes);
/*
 * Enters the prepared role for good.  paths are all that may be opened, none
 * without RIGHT_SERVE and RIGHT_FORK.  0, or -1 with errno and *what.
 */
int	sandbox_enter(enum sandbox_role role, const struct sandbox_path *paths,
	    size_t path_count, const char **what);
/*
 * Instead of both, for a process that executed itself in role's sandbox:
 * restores what execve(2) undid.  0, or -1 with errno (EPERM: it is in no
 * sandbox, where the system can tell) and *what.
 */
int	sandbox_resume(enum sandbox_role role, const struct sandbox_path *paths,
	    size_t path_count, const char **what);
/*
 * The sandbox of this system, for people; asked before a role is entered.  On
 * Linux there is none without seccomp, as in an emulation of the kernel.
 */
struct sandbox_facts {
	bool		 exists;
	const char	*parts;	/* "seccomp, landlock 7, rlimits" */
	const char	*lacks;	/* what a newer system's has; NULL: nothing */
};

/* Linux alone has several kinds of kernels. */
#ifdef __linux__
const struct sandbox_facts *sandbox_facts(void);
#else
extern const struct sandbox_facts sandbox_os_facts;
#define sandbox_facts()			(&sandbox_os_facts)
#endif
/*
 * Before sandbox_enter: keeps this process out of the swap area.  False also
 * if RLIMIT_MEMLOCK is below role's memory, as malloc would then fail there.
 */
bool	sandbox_lock(enum sandbox_role role);
/*
 * Prepares role, and tries every forbidden thing in throw-away children that
 * enter it, unless that was proved before: each must be killed or refused.
 * NULL; or what is missing, the failed step, or what succeeded ("open", ...).
 */
const char *sandbox_try(enum sandbox_role role, bool proved);

#endif
