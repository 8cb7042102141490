/*
 * OpenBSD: pledge(2) and unveil(2).  After kern_pledge.c of OpenBSD: which
 * promise a system call needs, as the call of Linux that does the same; what
 * needs none of ours is in no list, and kills.
 */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "t/bsd/facts.h"
#include "t/bsd/kernel.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

/* Promises as bits. */
enum {
	STDIO = 1 << 0, RECVFD = 1 << 1, SENDFD = 1 << 2, INET = 1 << 3,
	RPATH = 1 << 4, WPATH = 1 << 5, CPATH = 1 << 6, FLOCK = 1 << 7,
	PROC = 1 << 8, EXEC = 1 << 9, UNIX = 1 << 10, UNVEIL = 1 << 11
};
static const char *const names[] = { "stdio", "recvfd", "sendfd", "inet",
	"rpath", "wpath", "cpath", "flock", "proc", "exec", "unix", "unveil" };

/*
 * Without a promise: end, signals to itself, what libc of Linux needs at the
 * start of a program and of a child.
 */
static const int always[] = {
	SYS_exit, SYS_exit_group, SYS_rt_sigreturn, SYS_restart_syscall,
	SYS_set_tid_address, SYS_set_robust_list, SYS_rseq, SYS_arch_prctl
};
/* kqueue and kevent are epoll here, getentropy is getrandom. */
static const int stdio[] = {
	SYS_getuid, SYS_geteuid, SYS_getresuid, SYS_getgid, SYS_getegid,
	SYS_getresgid, SYS_getgroups, SYS_getpgrp, SYS_getpgid, SYS_getppid,
	SYS_getsid, SYS_gettid, SYS_getrlimit, SYS_gettimeofday, SYS_time,
	SYS_getrusage, SYS_clock_getres, SYS_clock_gettime, SYS_getpid,
	SYS_uname, SYS_sysinfo, SYS_sched_getaffinity, SYS_getrandom,
	SYS_madvise, SYS_munmap, SYS_mremap, SYS_msync, SYS_brk, SYS_umask,
	SYS_read, SYS_readv, SYS_pread64, SYS_preadv, SYS_write, SYS_writev,
	SYS_pwrite64, SYS_pwritev, SYS_recvfrom, SYS_ftruncate, SYS_lseek,
	SYS_recvmsg, SYS_nanosleep, SYS_clock_nanosleep, SYS_sigaltstack,
	SYS_rt_sigprocmask, SYS_rt_sigsuspend, SYS_rt_sigaction,
	SYS_rt_sigpending, SYS_getitimer, SYS_setitimer, SYS_poll, SYS_ppoll,
	SYS_select, SYS_pselect6, SYS_epoll_create1, SYS_epoll_ctl,
	SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2, SYS_eventfd2,
	SYS_fstat, SYS_fsync, SYS_fdatasync, SYS_close, SYS_close_range,
	SYS_dup, SYS_dup2, SYS_dup3, SYS_shutdown, SYS_fchdir, SYS_pipe,
	SYS_pipe2, SYS_socketpair, SYS_wait4, SYS_waitid, SYS_futex,
	SYS_sched_yield
};
static const int proc[] = {
	SYS_fork, SYS_vfork, SYS_setpgid, SYS_setsid, SYS_getpriority,
	SYS_setpriority, SYS_setrlimit
};
static const int rpath[] = {
	SYS_chdir, SYS_getcwd, SYS_getdents64, SYS_statfs, SYS_fstatfs
};
static const int cpath[] = {
	SYS_rename, SYS_renameat, SYS_renameat2, SYS_rmdir, SYS_link,
	SYS_linkat, SYS_symlink, SYS_symlinkat, SYS_unlink, SYS_unlinkat,
	SYS_mkdir, SYS_mkdirat
};
static const int flock_only[] = { SYS_flock };
static const int net[] = {
	SYS_connect, SYS_bind, SYS_getsockname, SYS_listen, SYS_accept4,
	SYS_accept, SYS_getpeername
};

static const struct {
	unsigned	 with;
	const int	*calls;
	size_t		 count;
} lists[] = {
	{ ~0U, always, COUNT(always) },
	{ STDIO, stdio, COUNT(stdio) },
	{ PROC, proc, COUNT(proc) },
	{ RPATH, rpath, COUNT(rpath) },
	{ CPATH, cpath, COUNT(cpath) },
	{ FLOCK, flock_only, COUNT(flock_only) },
	{ INET | UNIX, net, COUNT(net) }
};

static bool pledged, exec_pledged, unveiled, unveil_ended;
static unsigned promised, exec_promised;

/* ---- calls that depend on arguments ------------------------------------- */

static bool
has(unsigned all)
{
	return (promised & all) == all;
}

static bool
may_open(long flags)
{
	unsigned need = 0;

	if ((flags & O_ACCMODE) != O_WRONLY)
		need |= RPATH;
	if ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC))
		need |= WPATH;
	if (flags & O_CREAT)
		need |= CPATH;
	return has(need);
}

/* Only of the paths that tzset(3) and malloc(3) read without a promise. */
static bool
is_free(const char *path)
{
	return path != NULL && (strcmp(path, "/etc/localtime") == 0 ||
	    strncmp(path, "/usr/share/zoneinfo/", 20) == 0 ||
	    strcmp(path, "/dev/null") == 0);
}

static bool
may_ask_option(const struct call *c)
{
	const int level = (int)c->args[1], name = (int)c->args[2];

	if (level == SOL_SOCKET && (name == SO_RCVBUF || name == SO_ERROR))
		return true;
	if (!(promised & (INET | UNIX)))
		return false;
	return level == SOL_SOCKET || has(INET);
}

/* Directories are neither sent nor received. */
static bool
may_send(const struct msghdr *m, long flags)
{
	struct cmsghdr *c;
	struct stat st;

	if (m->msg_name != NULL && !(promised & (INET | UNIX)))
		return false;
	for (c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR((struct msghdr *)
	    (uintptr_t)m, c)) {
		const size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_type != SCM_RIGHTS)
			continue;
		if (!has(SENDFD))
			return false;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (kernel_raw(SYS_fstat, fd, (long)&st, 0, 0) == 0 &&
			    S_ISDIR(st.st_mode))
				return false;
		}
	}
	return true;
}

static bool
is_own_pid(long pid)
{
	return pid == 0 || pid == kernel_raw(SYS_getpid, 0, 0, 0, 0);
}

static bool
may_clone(const struct call *c)
{
	return has(PROC) && !(c->args[0] & (CLONE_VM | CLONE_FILES |
	    CLONE_NEWUSER | CLONE_NEWNS));
}

static bool
is_permitted(const struct call *c)
{
	switch (c->number) {
	case SYS_open:
		return may_open(c->args[1]) || is_free((char *)c->args[0]);
	case SYS_openat:
		return may_open(c->args[2]) || is_free((char *)c->args[1]);
	case SYS_access:
	case SYS_stat:
	case SYS_readlink:
		return has(RPATH) || is_free((char *)c->args[0]);
	case SYS_newfstatat:
		/* glibc's fstat */
		if ((c->args[3] & AT_EMPTY_PATH) && *(char *)c->args[1] ==
		    '\0')
			return has(STDIO);
		/* FALLTHROUGH */
	case SYS_statx:
	case SYS_lstat:
	case SYS_faccessat:
	case SYS_faccessat2:
	case SYS_readlinkat:
		return (promised & (RPATH | WPATH)) != 0;
	case SYS_mmap:
	case SYS_mprotect:
		return has(STDIO) && !(c->args[2] & PROT_EXEC);
	case SYS_fcntl:
		return has(STDIO) && (c->args[1] != F_SETOWN || has(PROC));
	case SYS_ioctl:
		/* isatty(3) gets ENOTTY without "tty". */
		return has(STDIO);
	case SYS_sendto:
		return has(STDIO) && (c->args[4] == 0 ||
		    (promised & (INET | UNIX)));
	case SYS_sendmsg:
		return has(STDIO) && may_send((struct msghdr *)c->args[1],
		    c->args[2]);
	case SYS_setsockopt:
	case SYS_getsockopt:
		return has(STDIO) && may_ask_option(c);
	case SYS_socket:
		return c->args[0] == AF_UNIX ? has(UNIX) :
		    (c->args[0] == AF_INET || c->args[0] == AF_INET6) &&
		    has(INET);
	case SYS_kill:
		return has(STDIO) && (is_own_pid(c->args[0]) || has(PROC));
	case SYS_tgkill:
		return is_own_pid(c->args[0]);
	case SYS_prlimit64:
		/* getrlimit, and setrlimit */
		return has(STDIO) && is_own_pid(c->args[0]) &&
		    (c->args[2] == 0 || has(PROC));
	case SYS_clone:
		return may_clone(c);
	}
	return false;
}

static void
write_state(char *out, size_t room)
{
	snprintf(out, room, "%u %u", exec_promised, unveiled);
}

/*
 * An image without promises of its own (execpromises) would be free on OpenBSD:
 * that a filter cannot be, so it is said, and refused.
 */
long
kernel_answers(const struct call *c)
{
	char state[64];

	if (c->number == SYS_execve && has(EXEC)) {
		if (!exec_pledged) {
			kernel_says("execve drops pledge and unveil",
			    c->number, false);
			return -EPERM;
		}
		write_state(state, sizeof(state));
		return kernel_execute(c, state);
	}
	/* clone3 is tried first by libc. */
	if (c->number == SYS_clone3)
		return -ENOSYS;
	if (is_permitted(c))
		return kernel_passes;
	kernel_says("pledge: not promised", c->number, true);
	return -EPERM;
}

void
kernel_resumes(const char *state)
{
	unsigned veil;

	if (sscanf(state, "%u %u", &promised, &veil) != 2)
		return;
	exec_promised = promised;
	pledged = exec_pledged = true;
	unveiled = veil != 0;
}

/* ---- pledge ------------------------------------------------------------- */

/* -1 and EINVAL: a word that is none. */
static int
parse(const char *text, unsigned *out)
{
	*out = 0;
	while (*text != '\0') {
		const size_t n = strcspn(text, " ");
		size_t i = 0;

		while (i < COUNT(names) && (strlen(names[i]) != n ||
		    strncmp(names[i], text, n) != 0))
			i++;
		errno = EINVAL;
		if (i == COUNT(names))
			return -1;
		*out |= 1U << i;
		text += n;
		text += strspn(text, " ");
	}
	return 0;
}

static int
confine(void)
{
	const int *calls[COUNT(lists)];
	size_t counts[COUNT(lists)], n = 0;

	for (size_t i = 0; i < COUNT(lists); i++)
		if (promised & lists[i].with) {
			calls[n] = lists[i].calls;
			counts[n++] = lists[i].count;
		}
	return kernel_confine(calls, counts, n);
}

int
pledge(const char *promises, const char *execpromises)
{
	unsigned now = promised, next = exec_promised;

	if ((promises != NULL && parse(promises, &now) == -1) ||
	    (execpromises != NULL && parse(execpromises, &next) == -1))
		return -1;
	errno = EPERM;
	if ((pledged && (now & ~promised)) ||
	    (exec_pledged && (next & ~exec_promised)))
		return -1;
	exec_promised = next;
	exec_pledged = exec_pledged || execpromises != NULL;
	if (promises == NULL)
		return 0;
	if (pledged && promised == now)
		return 0;
	promised = now;
	pledged = true;
	if (!(promised & (RPATH | WPATH | CPATH | EXEC | UNIX | UNVEIL)))
		unveiled = false;
	return confine();
}

int
sendsyslog(const void *line, size_t n, int flags)
{
	return 0;
}

/* ---- unveil, by Landlock ------------------------------------------------- */

#define veil_all	((1ULL << 14) - 1)	/* ABI 2 */

static struct { char path[256], permissions[8]; } veils[32];
static size_t veil_count;

static uint64_t
rights_of(const char *permissions)
{
	uint64_t rights = 0;

	for (; *permissions != '\0'; permissions++)
		rights |= *permissions == 'r' ? LANDLOCK_ACCESS_FS_READ_FILE |
		    LANDLOCK_ACCESS_FS_READ_DIR : *permissions == 'w' ?
		    LANDLOCK_ACCESS_FS_WRITE_FILE : *permissions == 'x' ?
		    LANDLOCK_ACCESS_FS_EXECUTE : *permissions == 'c' ?
		    veil_all & ~(uint64_t)(LANDLOCK_ACCESS_FS_READ_FILE |
		    LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_EXECUTE |
		    LANDLOCK_ACCESS_FS_WRITE_FILE) : 0;
	return rights;
}

static void
lift(int ruleset, const char *path, const char *permissions)
{
	struct landlock_path_beneath_attr rule = {
	    .allowed_access = rights_of(permissions) };
	struct stat st;

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd == -1 || fstat(rule.parent_fd, &st) == -1)
		return;
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= LANDLOCK_ACCESS_FS_READ_FILE |
		    LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_EXECUTE;
	if (rule.allowed_access != 0)
		syscall(SYS_landlock_add_rule, ruleset,
		    LANDLOCK_RULE_PATH_BENEATH, &rule, 0U);
	close(rule.parent_fd);
}

/* A kernel without Landlock hides nothing. */
static int
veil(void)
{
	const uint64_t handled = veil_all;
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled,
	    sizeof(handled), 0U);

	if (ruleset == -1)
		return 0;
	for (size_t i = 0; i < veil_count; i++)
		lift(ruleset, veils[i].path, veils[i].permissions);
	kernel_lifts(ruleset, lift);
	if (kernel_raw(SYS_prctl, 38 /* PR_SET_NO_NEW_PRIVS */, 1, 0, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, ruleset, 0U) == -1)
		return -1;
	close(ruleset);
	return 0;
}

int
unveil(const char *path, const char *permissions)
{
	if (pledged && !has(UNVEIL))
		kernel_says("pledge: unveil is not promised", 0, true);
	errno = EPERM;
	if (unveil_ended)
		return -1;
	if (path == NULL) {
		unveil_ended = true;
		return unveiled ? veil() : 0;
	}
	unveiled = true;
	errno = E2BIG;
	if (veil_count == COUNT(veils))
		return -1;
	snprintf(veils[veil_count].path, sizeof(veils[0].path), "%s", path);
	snprintf(veils[veil_count].permissions,
	    sizeof(veils[0].permissions), "%s", permissions);
	veil_count++;
	return 0;
}
