/*
 * What the self-test tries on Linux beyond sandbox_probe.c: system calls that
 * other systems do not have.  Made by number, so that libc cannot choose
 * another call, and with arguments that do no harm without a sandbox.
 */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "shared/os/sandbox_linux.h"

const int sandbox_kill_signal = SIGSYS;

TRY(memory_of_self, "open /proc/self/mem", RIGHT_FILES, true,
    open("/proc/self/mem", O_RDWR))
#ifdef SYS_fork
/* libc's fork uses clone(2), even where the kernel has fork(2). */
TRY_IF(fork_call, "fork(2)", RIGHT_FORK, false,
    sandbox_forked(syscall(SYS_fork)))
#endif
/* As vfork(2), but the child has its own memory, so returning is safe. */
TRY_IF(vfork, "vfork", 0, false, sandbox_forked(syscall(SYS_clone,
    (unsigned long)(CLONE_VFORK | SIGCHLD), 0UL, 0UL, 0UL, 0UL)))
TRY(clone3, "clone3", 0, false, syscall(SYS_clone3, NULL, 0UL))
TRY(execveat, "execveat", RIGHT_EXEC_SELF, true,
    syscall(SYS_execveat, AT_FDCWD, "/bin/sh",
    ((const char *[]){ "sh", "-c", "exit 0", NULL }), NULL, 0))
TRY(tgkill, "tgkill", 0, false, syscall(SYS_tgkill, t->parent, t->parent, 0))
TRY(pidfd_open, "pidfd_open", 0, false, syscall(SYS_pidfd_open, t->parent, 0U))
TRY(ptrace, "ptrace", 0, false, ptrace(PTRACE_TRACEME, 0, NULL, NULL))
TRY(process_vm_readv, "process_vm_readv", 0, false,
    process_vm_readv(t->parent, NULL, 0, NULL, 0, 0))
TRY(dumpable, "PR_SET_DUMPABLE", 0, false, prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
TRY(bpf, "bpf", 0, false, syscall(SYS_bpf, -1, NULL, 0U))
TRY(io_uring, "io_uring_setup", 0, false, syscall(SYS_io_uring_setup, 1U, NULL))
TRY(memfd_create, "memfd_create", 0, false, memfd_create("probe", MFD_CLOEXEC))
TRY(openat2, "openat2", RIGHT_FILES, false,
    syscall(SYS_openat2, AT_FDCWD, "/", NULL, 0))
TRY(handle, "name_to_handle_at", 0, false,
    syscall(SYS_name_to_handle_at, AT_FDCWD, "/", NULL, NULL, 0))
/* Zero octets; with RWF_NOAPPEND pwritev2 would write despite O_APPEND. */
TRY(pwritev2, "pwritev2", 0, false,
    syscall(SYS_pwritev2, t->pair[0], NULL, 0UL, 0UL, 0UL, 0))
TRY(splice, "splice", 0, false, splice(-1, NULL, t->pair[0], NULL, 1, 0))
TRY(fallocate, "fallocate", 0, false,
    syscall(SYS_fallocate, t->pair[0], 0, 0L, 0L))
TRY(unshare, "unshare", 0, false, unshare(0))
TRY(mount, "mount", 0, false, syscall(SYS_mount, NULL, NULL, NULL, 0UL, NULL))
TRY(chroot, "chroot", 0, false, chroot("/nonexistent-smtpd-probe"))
TRY(shmget, "shmget", 0, false, shmget((key_t)0x736d7470, 1, 0))
TRY(netlink, "socket AF_NETLINK", 0, false, socket(AF_NETLINK, SOCK_DGRAM, 0))
/* On a TCP socket this would connect, and Landlock does not check it. */
TRY(fastopen, "sendmsg MSG_FASTOPEN", 0, false, sendmsg(t->pair[0],
    (&(struct msghdr){ .msg_iovlen = 1, .msg_iov = &(struct iovec){
    (char[]){ 'x' }, 1 } }), MSG_FASTOPEN | MSG_NOSIGNAL))

/* Makes a page that may be written such that it may be protection. */
static long
change_page(int protection)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? 0 : mprotect(page, 4096, protection);
}

/* Addresses cost page tables, which no other limit counts. */
TRY_IF(addresses, "addresses above the limit", RIGHT_SANITIZER, false,
    sandbox_table[t->role].memory_max_bytes != 0 &&
    sandbox_maps(sandbox_table[t->role].memory_max_bytes +
    SANDBOX_IMAGE_MAX_BYTES, PROT_NONE, MAP_PRIVATE))
/*
 * RLIMIT_DATA counts no memory that is read-only, from the start or later, or
 * shared.
 */
TRY_IF(map_read_only, "mmap PROT_READ", RIGHT_EXEC_SELF | RIGHT_SANITIZER,
    false, sandbox_maps(4096, PROT_READ, MAP_PRIVATE))
TRY(mprotect_read_only, "mprotect PROT_READ",
    RIGHT_EXEC_SELF | RIGHT_SANITIZER, false, change_page(PROT_READ))
TRY_IF(map_shared, "mmap MAP_SHARED", RIGHT_EXEC_SELF | RIGHT_SANITIZER,
    false, sandbox_maps(4096, PROT_READ | PROT_WRITE, MAP_SHARED))
TRY(mprotect_code, "mprotect PROT_EXEC", RIGHT_EXEC_SELF, false,
    change_page(PROT_READ | PROT_EXEC))

const struct sandbox_probe *const sandbox_probes_os[] = {
	&probe_memory_of_self, &probe_openat2, &probe_handle,
#ifdef SYS_fork
	&probe_fork_call,
#endif
	&probe_vfork, &probe_clone3, &probe_execveat, &probe_tgkill,
	&probe_pidfd_open, &probe_ptrace, &probe_process_vm_readv,
	&probe_dumpable, &probe_bpf, &probe_io_uring, &probe_memfd_create,
	&probe_pwritev2, &probe_splice, &probe_fallocate, &probe_unshare,
	&probe_mount, &probe_chroot, &probe_shmget, &probe_netlink,
	&probe_fastopen, &probe_addresses, &probe_map_read_only,
	&probe_mprotect_read_only, &probe_map_shared, &probe_mprotect_code,
	NULL
};
