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

/*
 * The loader of a dynamic nursery opens libraries, and only Landlock keeps it
 * from opening other files.  Beside that only a build with a sanitizer cannot
 * prevent everything.
 */
bool
sandbox_beyond(const char *probe_name, enum sandbox_role role)
{
	static const struct sandbox_permitted beyond[] = {
		{ RIGHT_SANITIZER, "memory above the limit" },
		{ RIGHT_SANITIZER, "addresses above the limit" },
		{ RIGHT_SANITIZER, "mmap MAP_SHARED" },
		{ RIGHT_SANITIZER, "mmap PROT_READ" },
		{ RIGHT_SANITIZER, "mprotect PROT_READ" },
		{ RIGHT_LOADER, "open" }
	};

	return sandbox_among(beyond, sizeof(beyond) / sizeof(beyond[0]) -
	    sandbox_confines_paths(role), probe_name,
	    sandbox_linux_rights(role));
}

TRY(memory_of_self, open("/proc/self/mem", O_RDWR))
#ifdef SYS_fork
/* libc's fork uses clone(2), even where the kernel has fork(2). */
TRY_IF(fork_call, sandbox_forked(syscall(SYS_fork)))
#endif
/* As vfork(2), but the child has its own memory, so returning is safe. */
TRY_IF(vfork, sandbox_forked(syscall(SYS_clone, (unsigned long)(CLONE_VFORK |
    SIGCHLD), 0UL, 0UL, 0UL, 0UL)))
TRY(clone3, syscall(SYS_clone3, NULL, 0UL))
TRY(execveat, syscall(SYS_execveat, AT_FDCWD, "/bin/sh",
    ((const char *[]){ "sh", "-c", "exit 0", NULL }), NULL, 0))
TRY(tgkill, syscall(SYS_tgkill, t->parent, t->parent, 0))
TRY(pidfd_open, syscall(SYS_pidfd_open, t->parent, 0U))
TRY(ptrace, ptrace(PTRACE_TRACEME, 0, NULL, NULL))
TRY(process_vm_readv, process_vm_readv(t->parent, NULL, 0, NULL, 0, 0))
TRY(dumpable, prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
TRY(bpf, syscall(SYS_bpf, -1, NULL, 0U))
TRY(io_uring, syscall(SYS_io_uring_setup, 1U, NULL))
TRY(memfd_create, memfd_create("probe", MFD_CLOEXEC))
TRY(openat2, syscall(SYS_openat2, AT_FDCWD, "/", NULL, 0))
TRY(handle, syscall(SYS_name_to_handle_at, AT_FDCWD, "/", NULL, NULL, 0))
/* Zero octets; with RWF_NOAPPEND pwritev2 would write despite O_APPEND. */
TRY(pwritev2, syscall(SYS_pwritev2, t->pair[0], NULL, 0UL, 0UL, 0UL, 0))
TRY(splice, splice(-1, NULL, t->pair[0], NULL, 1, 0))
TRY(fallocate, syscall(SYS_fallocate, t->pair[0], 0, 0L, 0L))
TRY(unshare, unshare(0))
TRY(mount, syscall(SYS_mount, NULL, NULL, NULL, 0UL, NULL))
TRY(chroot, chroot("/nonexistent-smtpd-probe"))
TRY(shmget, shmget((key_t)0x736d7470, 1, 0))
/* On a TCP socket this would connect, and Landlock does not check it. */
TRY(fastopen, sendmsg(t->pair[0], (&(struct msghdr){ .msg_iovlen = 1,
    .msg_iov = &(struct iovec){ (char[]){ 'x' }, 1 } }),
    MSG_FASTOPEN | MSG_NOSIGNAL))

/* Makes a page that may be written such that it may be protection. */
static long
change_page(int protection)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? 0 : mprotect(page, 4096, protection);
}

/* Addresses cost page tables, which no other limit counts. */
TRY_IF(addresses, sandbox_table[t->role].memory_max_bytes != 0 &&
    sandbox_maps(sandbox_table[t->role].memory_max_bytes +
    SANDBOX_IMAGE_MAX_BYTES, PROT_NONE, MAP_PRIVATE))
/*
 * RLIMIT_DATA counts no memory that is read-only, from the start or later, or
 * shared.
 */
TRY_IF(map_read_only, sandbox_maps(4096, PROT_READ, MAP_PRIVATE))
TRY(mprotect_read_only, change_page(PROT_READ))
TRY_IF(map_shared, sandbox_maps(4096, PROT_READ | PROT_WRITE, MAP_SHARED))
TRY(mprotect_code, change_page(PROT_READ | PROT_EXEC))

const struct sandbox_probe sandbox_probes_os[] = {
	{ "open /proc/self/mem", RIGHT_FILES, true, try_memory_of_self },
	{ "openat2", RIGHT_FILES, false, try_openat2 },
	{ "name_to_handle_at", 0, false, try_handle },
#ifdef SYS_fork
	{ "fork(2)", RIGHT_FORK, false, try_fork_call },
#endif
	{ "vfork", 0, false, try_vfork },
	{ "clone3", 0, false, try_clone3 },
	{ "execveat", RIGHT_EXEC_SELF, true, try_execveat },
	{ "tgkill", 0, false, try_tgkill },
	{ "pidfd_open", 0, false, try_pidfd_open },
	{ "ptrace", 0, false, try_ptrace },
	{ "process_vm_readv", 0, false, try_process_vm_readv },
	{ "PR_SET_DUMPABLE", 0, false, try_dumpable },
	{ "bpf", 0, false, try_bpf },
	{ "io_uring_setup", 0, false, try_io_uring },
	{ "memfd_create", 0, false, try_memfd_create },
	{ "pwritev2", 0, false, try_pwritev2 },
	{ "splice", 0, false, try_splice },
	{ "fallocate", 0, false, try_fallocate },
	{ "unshare", 0, false, try_unshare },
	{ "mount", 0, false, try_mount },
	{ "chroot", 0, false, try_chroot },
	{ "shmget", 0, false, try_shmget },
	{ "sendmsg MSG_FASTOPEN", 0, false, try_fastopen },
	{ "addresses above the limit", 0, false, try_addresses },
	{ "mmap PROT_READ", RIGHT_EXEC_SELF, false, try_map_read_only },
	{ "mprotect PROT_READ", RIGHT_EXEC_SELF, false,
	    try_mprotect_read_only },
	{ "mmap MAP_SHARED", RIGHT_EXEC_SELF, false, try_map_shared },
	{ "mprotect PROT_EXEC", RIGHT_EXEC_SELF, false, try_mprotect_code },
	{ NULL, 0, false, NULL }
};
