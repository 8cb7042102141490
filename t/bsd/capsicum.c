/*
 * FreeBSD: capsicum(4), process descriptors and procctl(2).  After the calls
 * that are enabled in capability mode (CAPENABLED, capabilities.conf) in 15, as
 * the call of Linux that does the same; every other gets ECAPMODE.
 *
 * wait4(2) is enabled since 15, but not for children of pdfork(2), which it
 * does not see; waitid(3), which is wait6(2), is not.
 */
#include <sys/epoll.h>
#include <sys/capsicum.h>
#include <sys/event.h>
#include <sys/procctl.h>
#include <sys/procdesc.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/bsd/facts.h"
#include "t/bsd/kernel.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

/* Whatever the arguments are.  kqueue and kevent are epoll here. */
static const int enabled[] = {
	SYS_exit, SYS_exit_group, SYS_rt_sigreturn, SYS_restart_syscall,
	SYS_set_tid_address, SYS_set_robust_list, SYS_rseq, SYS_arch_prctl,
	SYS_getuid, SYS_geteuid, SYS_getresuid, SYS_getgid, SYS_getegid,
	SYS_getresgid, SYS_getgroups, SYS_getpgrp, SYS_getpgid, SYS_getppid,
	SYS_getsid, SYS_gettid, SYS_getrlimit, SYS_gettimeofday, SYS_time,
	SYS_getrusage, SYS_clock_getres, SYS_clock_gettime, SYS_getpid,
	SYS_uname, SYS_sysinfo, SYS_sched_getaffinity, SYS_getrandom,
	SYS_madvise, SYS_mprotect, SYS_munmap, SYS_mremap, SYS_msync, SYS_brk,
	SYS_mlockall, SYS_umask, SYS_read, SYS_readv, SYS_pread64, SYS_preadv,
	SYS_write, SYS_writev, SYS_pwrite64, SYS_pwritev, SYS_recvfrom,
	SYS_recvmsg, SYS_sendmsg, SYS_lseek, SYS_nanosleep,
	SYS_clock_nanosleep, SYS_sigaltstack, SYS_rt_sigprocmask,
	SYS_rt_sigsuspend, SYS_rt_sigaction, SYS_rt_sigpending, SYS_getitimer,
	SYS_setitimer, SYS_poll, SYS_ppoll, SYS_select, SYS_pselect6,
	SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_wait, SYS_epoll_pwait,
	SYS_epoll_pwait2, SYS_eventfd2, SYS_fstat, SYS_fstatfs, SYS_fsync,
	SYS_fdatasync, SYS_close_range, SYS_dup, SYS_shutdown, SYS_pipe,
	SYS_pipe2, SYS_socket, SYS_socketpair, SYS_futex, SYS_sched_yield,
	SYS_fork, SYS_setsid, SYS_getpriority, SYS_setpriority, SYS_setrlimit,
	SYS_getdents64, SYS_flock, SYS_getsockname, SYS_getpeername,
	SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setresuid, SYS_setregid,
	SYS_setresgid, SYS_fchmod, SYS_fchown
};

static unsigned mode;

/*
 * Rights of descriptors, as far as they are fewer than all.  Only what the
 * programs leave to a descriptor is told apart: more than reading and writing.
 */
#define limited_max	1024
static struct { bool is; unsigned long rights; } limited[limited_max];

/* ---- calls that depend on arguments ------------------------------------- */

/* A path below a directory, without ".." and not absolute. */
static long
below(long dir, const char *path)
{
	if ((int)dir == AT_FDCWD)
		return -ECAPMODE;
	for (const char *p = path; p != NULL; p = strchr(p, '/')) {
		p += *p == '/' && p != path;
		if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || p[2] == '\0'))
			return -ENOTCAPABLE;
	}
	return path[0] == '/' ? -ENOTCAPABLE : kernel_passes;
}

/* No right of this table's: mapping code, truncating, options, fcntl. */
static long
with_right(long fd)
{
	return fd >= 0 && fd < limited_max && limited[fd].is ? -ENOTCAPABLE :
	    kernel_passes;
}

static long
forget(long fd, long result)
{
	if (fd >= 0 && fd < limited_max)
		limited[fd].is = false;
	return result;
}

/* "DIRECTORY/FD" */
static void
name_descriptor(const char *directory, int fd, char *out, size_t room)
{
	size_t at = strlen(directory);

	memcpy(out, directory, at);
	for (int i = 1000; i > 0; i /= 10)
		if ((fd >= i || i == 1) && at < room - 1)
			out[at++] = (char)('0' + fd / i % 10);
	out[at] = '\0';
}

/* No interpreter is loaded in capability mode.  Of Linux's O_PATH, too. */
static bool
is_static(int program)
{
	Elf64_Ehdr head;
	Elf64_Phdr part;
	char path[64];
	long fd;
	bool all;

	name_descriptor("/proc/self/fd/", program, path, sizeof(path));
	fd = kernel_raw(SYS_openat, AT_FDCWD, (long)path, O_RDONLY |
	    O_CLOEXEC, 0);
	all = fd >= 0 && kernel_raw(SYS_pread64, fd, (long)&head,
	    sizeof(head), 0) == sizeof(head);
	for (size_t i = 0; all && i < head.e_phnum; i++)
		all = kernel_raw(SYS_pread64, fd, (long)&part, sizeof(part),
		    (long)(head.e_phoff + i * sizeof(part))) ==
		    sizeof(part) && part.p_type != PT_INTERP;
	if (fd >= 0)
		kernel_raw(SYS_close, fd, 0, 0, 0);
	return all;
}

static bool
is_own_pid(long pid)
{
	return pid == kernel_raw(SYS_getpid, 0, 0, 0, 0);
}

static long
wait_for(const struct call *c)
{
	return c->args[0] == -1 || c->args[0] > 0 ? kernel_passes : -ECAPMODE;
}

static long
answer(const struct call *c)
{
	const char *path = (const char *)c->args[1];

	switch (c->number) {
	case SYS_openat:
	case SYS_mkdirat:
	case SYS_unlinkat:
	case SYS_faccessat:
	case SYS_faccessat2:
	case SYS_readlinkat:
	case SYS_symlinkat:
	case SYS_fchmodat:
	case SYS_fchownat:
		return below(c->args[0], path);
	case SYS_newfstatat:
	case SYS_statx:
		/* glibc's fstat */
		if (*path == '\0')
			return kernel_passes;
		return below(c->args[0], path);
	case SYS_linkat:
	case SYS_renameat:
	case SYS_renameat2: {
		long first = below(c->args[0], path);

		return first != kernel_passes ? first : below(c->args[2],
		    (const char *)c->args[3]);
	}
	case SYS_execveat:
		return *path == '\0' && is_static((int)c->args[0]) ?
		    kernel_execute(c, "1") : -ECAPMODE;
	case SYS_wait4:
		return wait_for(c);
	case SYS_kill:
		return is_own_pid(c->args[0]) ? kernel_passes : -ECAPMODE;
	case SYS_tgkill:
		return is_own_pid(c->args[0]) ? kernel_passes : -ECAPMODE;
	case SYS_prlimit64:
		return c->args[0] == 0 || is_own_pid(c->args[0]) ?
		    kernel_passes : -ECAPMODE;
	case SYS_clone:
		return c->args[0] & (CLONE_VM | CLONE_FILES) ? -ECAPMODE :
		    kernel_passes;
	case SYS_clone3:
		return -ENOSYS;
	case SYS_sendto:
		return c->args[4] == 0 ? kernel_passes : -ECAPMODE;
	case SYS_ftruncate:
	case SYS_ioctl:
	case SYS_getsockopt:
	case SYS_setsockopt:
	case SYS_listen:
	case SYS_accept:
	case SYS_accept4:
		return with_right(c->args[0]);
	case SYS_fcntl:
		/* Flags of the descriptor, and copies, need no right. */
		return c->args[1] == F_GETFD || c->args[1] == F_SETFD ||
		    c->args[1] == F_DUPFD_CLOEXEC ? kernel_passes :
		    with_right(c->args[0]);
	case SYS_mmap:
		/* PROT_EXEC: its sixth argument is where the secret goes. */
		return c->args[5] == 0 ? kernel_passes : -EINVAL;
	case SYS_close:
		return forget(c->args[0], kernel_passes);
	case SYS_dup2:
	case SYS_dup3:
		return forget(c->args[1], kernel_passes);
	}
	return -ECAPMODE;
}

long
kernel_answers(const struct call *c)
{
	const long result = answer(c);

	if (result == -ECAPMODE || result == -ENOTCAPABLE)
		kernel_says(result == -ECAPMODE ? "capsicum: ECAPMODE" :
		    "capsicum: ENOTCAPABLE", c->number, false);
	return result;
}

void
kernel_resumes(const char *state)
{
	mode = 1;
}

/* ---- capsicum ------------------------------------------------------------ */

cap_rights_t *
cap_rights_of(cap_rights_t *rights, ...)
{
	va_list ap;
	unsigned long bit;

	rights->bits = 0;
	va_start(ap, rights);
	while ((bit = va_arg(ap, unsigned long)) != 0)
		rights->bits |= bit;
	va_end(ap);
	return rights;
}

int
cap_rights_limit(int fd, const cap_rights_t *rights)
{
	if (kernel_raw(SYS_fcntl, fd, F_GETFD, 0, 0) < 0) {
		errno = EBADF;
		return -1;
	}
	limited[fd].is = true;
	limited[fd].rights = rights->bits;
	return 0;
}

int
cap_getmode(unsigned *out)
{
	*out = mode;
	return 0;
}

/* A second filter is the same, and tells a worker from its nursery. */
int
cap_enter(void)
{
	mode = 1;
	return kernel_confine((const int *const []){ enabled },
	    (size_t []){ COUNT(enabled) }, 1);
}

static int
refuse(const char *what)
{
	kernel_says(what, 0, false);
	errno = ECAPMODE;
	return -1;
}

int
procctl(idtype_t type, id_t id, int command, void *data)
{
	return mode == 1 ? refuse("capsicum: ECAPMODE: procctl") : 0;
}

/* ---- process descriptors: those of Linux --------------------------------- */

static int
result_of(long result)
{
	if (result >= 0)
		return (int)result;
	errno = (int)-result;
	return -1;
}

/* __WALL is left out: wait4(2) finds no child that ends without SIGCHLD. */
pid_t
pdfork(int *fd, int flags)
{
	int out = -1;
	long pid = kernel_raw(SYS_clone, CLONE_PIDFD, 0, (long)&out, 0);

	if (pid > 0) {
		/* Linux's is closed at execve(2). */
		if (!(flags & PD_CLOEXEC))
			kernel_raw(SYS_fcntl, out, F_SETFD, 0, 0);
		*fd = out;
	}
	return result_of(pid);
}

int
pdkill(int fd, int sig)
{
	return result_of(kernel_raw(SYS_pidfd_send_signal, fd, sig, 0, 0));
}

/* The last one that kevent told of: Linux forgets its ID. */
static pid_t ended_pid;

/* By the "Pid:" line of the descriptor's own page. */
int
pdgetpid(int fd, pid_t *pid)
{
	char path[64], text[512], *line;
	long info, n;

	name_descriptor("/proc/self/fdinfo/", fd, path, sizeof(path));
	info = kernel_raw(SYS_openat, AT_FDCWD, (long)path, O_RDONLY, 0);
	n = info < 0 ? 0 : kernel_raw(SYS_read, info, (long)text,
	    sizeof(text) - 1, 0);
	if (info >= 0)
		kernel_raw(SYS_close, info, 0, 0, 0);
	text[n < 0 ? 0 : n] = '\0';
	line = strstr(text, "\nPid:");
	errno = EBADF;
	if (line == NULL)
		return -1;
	*pid = atoi(line + 5);
	if (*pid == -1)
		*pid = ended_pid;
	return 0;
}

int
kqueue(void)
{
	return epoll_create1(0);
}

static int
add(int queue, const struct kevent *k)
{
	pid_t pid;
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT,
	    .data.u64 = k->ident };

	if (pdgetpid((int)k->ident, &pid) == -1)
		return -1;
	return epoll_ctl(queue, EPOLL_CTL_ADD, (int)k->ident, &e);
}

/* The status as wait(2) has it, from waitid(2), which this kernel hides. */
static int
status_of(const siginfo_t *i)
{
	return i->si_code == CLD_EXITED ? i->si_status << 8 : i->si_status;
}

int
kevent(int queue, const struct kevent *changes, int change_count,
    struct kevent *events, int event_count, const struct timespec *timeout)
{
	struct epoll_event e;
	siginfo_t ended = { 0 };

	for (int i = 0; i < change_count; i++)
		if (add(queue, &changes[i]) == -1)
			return -1;
	if (event_count == 0 || epoll_wait(queue, &e, 1, 0) < 1)
		return 0;
	/* By its process: the fifth argument of waitid(2) is none of ours. */
	if (kernel_raw(SYS_waitid, P_PIDFD, (long)e.data.u64, (long)&ended,
	    WEXITED | 0x80000000L /* __WCLONE */) < 0)
		return 0;
	ended_pid = ended.si_pid;
	events[0] = (struct kevent){ .ident = e.data.u64,
	    .filter = EVFILT_PROCDESC, .fflags = NOTE_EXIT,
	    .data = status_of(&ended) };
	return 1;
}

/* /var/empty, which Linux need not have: a directory that is removed. */
int
chroot(const char *path)
{
	char dir[] = "/tmp/smtpd-empty.XXXXXX";

	if (strcmp(path, "/var/empty") != 0)
		return result_of(kernel_raw(SYS_chroot, (long)path, 0, 0, 0));
	if (mkdtemp(dir) == NULL || chdir(dir) == -1 || rmdir(dir) == -1)
		return -1;
	return result_of(kernel_raw(SYS_chroot, (long)".", 0, 0, 0));
}
