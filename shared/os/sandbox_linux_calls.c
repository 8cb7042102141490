/*
 * Which system calls each right allows, and which kill the process without it.
 * A call that is not listed (getpriority, say, or one of a later kernel) gets
 * ENOSYS: libc falls back, and an attacker gains nothing.  A call is listed
 * once, in a group or, where arguments decide, in the rules.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <fcntl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <signal.h>

#include "shared/os/sandbox_linux.h"

#define C(name)		SCMP_SYS(name)
#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))
#define ANY_RIGHT	(~0U)

#define LIST(...)	(const int[]){ __VA_ARGS__ }
/* allow and spare as in struct sandbox_calls; spare 0: kill. */
#define GROUP(allow, spare, ...) \
	{ (allow), (spare), LIST(__VA_ARGS__), COUNT((LIST(__VA_ARGS__))) }

const struct sandbox_calls sandbox_calls[] = {
	/* Every process: end, return from a signal, memory, the clock. */
	GROUP(ANY_RIGHT, 0, C(exit), C(exit_group), C(rt_sigreturn),
	    C(restart_syscall), C(brk), C(munmap), C(getrandom), C(getpid),
	    C(getppid), C(clock_gettime), C(gettimeofday), C(time), C(close),
	    C(recvmsg), C(shutdown)),
	/*
	 * No pwrite, which on other systems ignores O_APPEND, as pwritev2's
	 * RWF_NOAPPEND does on Linux.  No sendfile, splice or copy_file_range.
	 */
	GROUP(RIGHT_IO, 0, C(read), C(readv), C(pread64), C(write), C(writev),
	    C(recvfrom), C(lseek)),
	GROUP(RIGHT_IO | RIGHT_CONNECT, 0, C(poll), C(ppoll)),
	GROUP(RIGHT_SYNC, ANY_RIGHT, C(fsync), C(fdatasync)),
	GROUP(OWN_STATE | RIGHT_SANITIZER, ANY_RIGHT, C(gettid), C(getuid),
	    C(geteuid), C(getgid), C(getegid), C(uname), C(sysinfo),
	    C(getrusage), C(nanosleep), C(clock_nanosleep), C(sched_yield),
	    C(sched_getaffinity), C(umask), C(fstat), C(dup), C(dup2), C(dup3),
	    C(rt_sigaction), C(rt_sigprocmask), C(sigaltstack), C(pipe2)),
	/* Of the master, a child that it forked before its sandbox. */
	GROUP(OWN_STATE, ANY_RIGHT, C(wait4), C(waitid)),
	GROUP(RIGHT_SERVE, 0, C(accept), C(accept4), C(open), C(openat2),
	    C(mkdir), C(mkdirat), C(link), C(linkat), C(rename), C(renameat),
	    C(renameat2), C(unlink), C(unlinkat), C(rmdir), C(ftruncate),
	    C(pwrite64), C(pwritev)),
	GROUP(RIGHT_SERVE, RIGHT_LOADER, C(openat)),
	GROUP(RIGHT_SERVE, ANY_RIGHT, C(stat), C(lstat), C(newfstatat),
	    C(statx), C(statfs), C(fstatfs), C(getdents64), C(faccessat),
	    C(faccessat2), C(access), C(readlink), C(readlinkat), C(getcwd),
	    C(flock), C(epoll_ctl), C(epoll_wait), C(epoll_pwait),
	    C(epoll_pwait2)),
	GROUP(RIGHT_SERVE | RIGHT_CONNECT, ANY_RIGHT, C(getsockname),
	    C(getpeername), C(getsockopt)),
	GROUP(RIGHT_SERVE | RIGHT_CONNECT, 0, C(connect)),
	GROUP(0, RIGHT_SERVE | RIGHT_CONNECT, C(socket)),
	/* No role needs these, but the master is not killed for them. */
	GROUP(0, RIGHT_SERVE, C(creat), C(truncate), C(fallocate), C(symlink),
	    C(symlinkat), C(mknod), C(mknodat), C(chmod), C(fchmod),
	    C(fchmodat), C(chown), C(fchown), C(lchown), C(fchownat), C(chdir),
	    C(fchdir), C(pwritev2), C(sendfile), C(splice), C(tee),
	    C(vmsplice), C(copy_file_range)),
	/* The next sandbox of a child is compiled inside this one. */
	GROUP(RIGHT_FORK, 0, C(fork), C(execveat), C(seccomp),
	    C(landlock_create_ruleset), C(landlock_add_rule),
	    C(landlock_restrict_self)),
	GROUP(RIGHT_FORK, RIGHT_SERVE, C(socketpair)),
	GROUP(RIGHT_FORK, ANY_RIGHT, C(set_robust_list), C(set_tid_address),
	    C(rseq), C(getrlimit), C(setrlimit), C(arch_prctl),
	    /* For the keeper's children, before they enter their own roles. */
	    C(mlockall)),
	/* From ABI 6 on Landlock lets kill(2) reach only its own workers. */
	GROUP(0, RIGHT_FORK, C(clone), C(clone3), C(kill)),
	GROUP(0, RIGHT_FORK | RIGHT_SANITIZER, C(prctl)),
	/* The dynamic loader maps code; a static program never does. */
	GROUP(RIGHT_LOADER, ANY_RIGHT, C(mmap), C(mprotect), C(faccessat),
	    C(access), C(newfstatat), C(readlink), C(readlinkat)),
	/* The filter sees no address; Landlock permits port 0 of TCP. */
	GROUP(RIGHT_CONNECT, 0, C(bind)),
	GROUP(RIGHT_SANITIZER, ANY_RIGHT, C(madvise), C(getrlimit),
	    C(prlimit64)),
	/* These kill in every role. */
	GROUP(0, 0, C(listen), C(sendmmsg), C(vfork), C(execve),
	    C(tkill), C(tgkill), C(rt_sigqueueinfo), C(rt_tgsigqueueinfo),
	    C(pidfd_open), C(pidfd_getfd), C(pidfd_send_signal), C(ptrace),
	    C(process_vm_readv), C(process_vm_writev), C(process_madvise),
	    C(kcmp), C(bpf), C(perf_event_open), C(userfaultfd),
	    /* Memory with a descriptor is under no limit, and can be executed
	       whatever the paths are. */
	    C(memfd_create), C(memfd_secret), C(io_uring_setup),
	    C(io_uring_enter), C(io_uring_register), C(io_setup), C(io_submit),
	    C(keyctl), C(add_key), C(request_key), C(setuid), C(setgid),
	    C(setreuid), C(setregid), C(setresuid), C(setresgid), C(setfsuid),
	    C(setfsgid), C(setgroups), C(capset), C(mount), C(umount2),
	    C(move_mount), C(open_tree), C(fsopen), C(fsconfig), C(fsmount),
	    C(fspick), C(mount_setattr), C(pivot_root), C(chroot), C(unshare),
	    C(setns), C(swapon), C(swapoff), C(quotactl), C(acct),
	    C(open_by_handle_at), C(name_to_handle_at), C(fanotify_init),
	    C(shmget), C(shmat), C(shmctl), C(msgget), C(msgsnd), C(msgrcv),
	    C(msgctl), C(semget), C(semop), C(semctl), C(semtimedop),
	    C(mq_open), C(mq_unlink), C(personality), C(modify_ldt),
	    C(pkey_mprotect), C(remap_file_pages), C(iopl), C(ioperm),
	    C(init_module), C(finit_module), C(delete_module), C(kexec_load),
	    C(kexec_file_load), C(reboot), C(sethostname), C(settimeofday),
	    C(clock_settime), C(adjtimex), C(clock_adjtime), C(syslog)),
};
const size_t sandbox_calls_count = COUNT(sandbox_calls);

/* Conditions on argument n: equal, unequal, equal under a mask. */
#define EQ(n, value)		{ (n), SCMP_CMP_EQ, (value), 0 }
#define NE(n, value)		{ (n), SCMP_CMP_NE, (value), 0 }
#define MASK(n, mask, value)	{ (n), SCMP_CMP_MASKED_EQ, (mask), (value) }

#define RULE(with, without, kill, name, ...)				\
	{ (with), (without), (kill), C(name),				\
	COUNT(((const struct scmp_arg_cmp[]){ __VA_ARGS__ })), { __VA_ARGS__ } }
#define ALLOW(with, without, ...) RULE(with, without, false, __VA_ARGS__)
#define KILL(with, without, ...) RULE(with, without, true, __VA_ARGS__)

#if defined(__s390x__)
#define clone_flags_arg	1
#else
#define clone_flags_arg	0
#endif
/* What fork(3) sets; anything more is a thread, a vfork or a namespace. */
#define clone_flags_fork	(CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | \
				 CLONE_PARENT_SETTID | CSIGNAL)
/*
 * Memory that RLIMIT_DATA counts: private, anonymous, no growing stack, and
 * writable or not accessible yet.  The kernel chooses the address: scattered
 * mappings would cost two pages of tables each.
 */
#define map_mask	(0x0fU | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_HUGETLB)
#define map_value	(MAP_PRIVATE | MAP_ANONYMOUS)
#define open_write_mask	(O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | \
			 (O_TMPFILE & ~O_DIRECTORY))
#define socket_type	0x0fU
#define inet_differ	(AF_INET ^ AF_INET6)
_Static_assert(inet_differ == 8, "two families alone differ in one bit");
#define futex_not_wait_wake	0x7eU	/* clears FUTEX_WAKE, _PRIVATE */

const struct sandbox_rule sandbox_rules[] = {
	/* No F_SETFL for a worker: that could clear O_APPEND. */
	ALLOW(ANY_RIGHT, 0, fcntl, EQ(1, F_GETFL)),
	ALLOW(ANY_RIGHT, 0, fcntl, EQ(1, F_GETFD)),
	ALLOW(OWN_STATE, 0, fcntl, EQ(1, F_SETFL)),
	ALLOW(OWN_STATE, 0, fcntl, EQ(1, F_SETFD)),
	ALLOW(OWN_STATE, 0, fcntl, EQ(1, F_DUPFD_CLOEXEC)),

	KILL(ANY_RIGHT, RIGHT_LOADER, mmap, MASK(2, PROT_EXEC, PROT_EXEC)),
	ALLOW(ANY_RIGHT, RIGHT_LOADER | RIGHT_SANITIZER, mmap, EQ(0, 0),
	    EQ(2, PROT_READ | PROT_WRITE), MASK(3, map_mask, map_value)),
	ALLOW(ANY_RIGHT, RIGHT_LOADER | RIGHT_SANITIZER, mmap, EQ(0, 0),
	    EQ(2, PROT_NONE), MASK(3, map_mask, map_value)),
	ALLOW(RIGHT_SANITIZER, RIGHT_LOADER, mmap, MASK(2, PROT_EXEC, 0)),
	KILL(ANY_RIGHT, RIGHT_LOADER, mprotect, MASK(2, PROT_EXEC, PROT_EXEC)),
	ALLOW(RIGHT_SANITIZER, RIGHT_LOADER, mprotect, MASK(2, PROT_EXEC, 0)),
	ALLOW(ANY_RIGHT, RIGHT_LOADER, mprotect,
	    EQ(2, PROT_READ | PROT_WRITE)),
	ALLOW(RIGHT_FORK, RIGHT_LOADER, mprotect, EQ(2, PROT_READ)),
	ALLOW(ANY_RIGHT, 0, mremap, MASK(3, ~(scmp_datum_t)MREMAP_MAYMOVE, 0)),
	ALLOW(ANY_RIGHT, RIGHT_SANITIZER, madvise, EQ(2, MADV_DONTNEED)),
	ALLOW(ANY_RIGHT, RIGHT_SANITIZER, madvise, EQ(2, MADV_FREE)),
	/* pthread_once wakes possible waiters even with one thread. */
	ALLOW(ANY_RIGHT, 0, futex, MASK(1, futex_not_wait_wake, 0)),

	/*
	 * sendto(2) without an address, on connected sockets; sendmsg(2) with
	 * MSG_FASTOPEN would connect a socket, past Landlock.
	 */
	ALLOW(RIGHT_IO, 0, sendto, EQ(4, 0)),
	ALLOW(ANY_RIGHT, 0, sendmsg, MASK(2, MSG_FASTOPEN, 0)),
	KILL(ANY_RIGHT, 0, sendmsg, MASK(2, MSG_FASTOPEN, MSG_FASTOPEN)),
	ALLOW(RIGHT_SERVE, 0, setsockopt, EQ(1, SOL_SOCKET),
	    EQ(2, SO_SNDBUF)),

	/*
	 * Without RIGHT_SERVE every socket(2) kills.  A filter sees no path,
	 * but syslog takes datagrams, while services worth an attack on a
	 * local socket (a bus, a container daemon) take streams.
	 */
	KILL(RIGHT_SERVE, 0, socket, NE(0, AF_UNIX)),
	ALLOW(RIGHT_SERVE, 0, socket, EQ(0, AF_UNIX),
	    MASK(1, socket_type, SOCK_DGRAM)),

	/* AF_INET or AF_INET6, which differ in one bit, of one protocol. */
	ALLOW(RIGHT_CONNECT, 0, socket, MASK(0, ~(scmp_datum_t)inet_differ,
	    AF_INET & AF_INET6), MASK(1, socket_type, SOCK_STREAM), EQ(2, 0)),
	ALLOW(RIGHT_CONNECT, 0, socket, MASK(0, ~(scmp_datum_t)inet_differ,
	    AF_INET & AF_INET6), MASK(1, socket_type, SOCK_DGRAM), EQ(2, 0)),

	/* Is it a terminal, and the number of waiting octets. */
	ALLOW(RIGHT_SERVE, 0, ioctl, EQ(1, TCGETS)),
	ALLOW(RIGHT_SERVE, 0, ioctl, EQ(1, FIONREAD)),

	ALLOW(RIGHT_FORK, 0, clone,
	    MASK(clone_flags_arg, ~(scmp_datum_t)clone_flags_fork, 0)),
	ALLOW(RIGHT_FORK, 0, kill, EQ(1, SIGKILL)),
	ALLOW(RIGHT_FORK, 0, prctl, EQ(0, PR_SET_NO_NEW_PRIVS)),
	ALLOW(RIGHT_FORK, 0, prctl, EQ(0, PR_GET_NO_NEW_PRIVS)),
	ALLOW(RIGHT_FORK, 0, prctl, EQ(0, PR_GET_DUMPABLE)),
	ALLOW(RIGHT_FORK, 0, prctl, EQ(0, PR_SET_NAME)),
	ALLOW(RIGHT_FORK, 0, prctl, EQ(0, PR_SET_DUMPABLE), EQ(1, 0)),
	/* For the executed auth process, which lowers its own priority. */
	ALLOW(RIGHT_FORK, 0, setpriority, EQ(0, PRIO_PROCESS), EQ(1, 0)),
	/* Only its own limits, which roles without fork can only read. */
	ALLOW(RIGHT_FORK, RIGHT_SANITIZER, prlimit64, EQ(0, 0)),
	ALLOW(OWN_STATE, RIGHT_FORK | RIGHT_SANITIZER, prlimit64, EQ(0, 0),
	    EQ(2, 0)),

	/* ld.so opens files to read; Landlock says which. */
	ALLOW(RIGHT_LOADER, RIGHT_SERVE, openat, MASK(2, open_write_mask, 0)),
};
const size_t sandbox_rules_count = COUNT(sandbox_rules);
