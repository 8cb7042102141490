/*
 * The self-test: each forbidden thing is tried in a child of its own, which
 * has to be killed or refused.
 */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#ifdef __linux__
#include <sched.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#endif
#include <unistd.h>

#include "shared/os/sandbox_os.h"

#define nowhere			"/nonexistent-smtpd-probe"
#define many_descriptors	144
#define no_address		(&(struct sockaddr){ .sa_family = 0 })
/* A child's exit status: 0 succeeded, 200 refused, others errno. */
#define status_refused		200

/* Lists a probe: of try_ID, of one expression on t, or of one call. */
#define PROBE(id, name, unless, elsewhere)				\
	static const struct sandbox_probe probe_##id =			\
	    { name, unless, elsewhere, try_##id };			\
	static const struct sandbox_probe *const listed_##id		\
	    __attribute__((section("sandbox_probes"), used)) = &probe_##id
#define TRY_IF(id, name, unless, elsewhere, condition)			\
	static bool							\
	try_##id(const struct sandbox_things *t)			\
	{								\
		return condition;					\
	}								\
	PROBE(id, name, unless, elsewhere);
#define TRY(id, name, unless, elsewhere, call)				\
	TRY_IF(id, name, unless, elsewhere, is_reached(call))

/* False if the last call failed with an errno of a sandbox. */
static bool
is_reached(long result)
{
#ifdef ECAPMODE
	if (result == -1 && (errno == ECAPMODE || errno == ENOTCAPABLE))
		return false;
#endif
	return result != -1 ||
	    (errno != ENOSYS && errno != EPERM && errno != EACCES);
}

/* The same of the result of a fork; the child ends. */
static bool
is_forked(long pid)
{
	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
	/* RLIMIT_NPROC refuses with EAGAIN. */
	return is_reached(pid) && (pid != -1 || errno != EAGAIN);
}

/* Can size octets of memory that is no file's be mapped? */
static bool
can_map(uint64_t size, int protection, int flags)
{
	return mmap(NULL, (size_t)size, protection, flags | MAP_ANON, -1,
	    0) != MAP_FAILED;
}

/* "/" always exists: failing to open it is a refusal, even with ENOENT. */
TRY_IF(open, "open", RIGHT_SERVE | RIGHT_LOADER, true,
    open("/", O_RDONLY | O_DIRECTORY) != -1)

static bool
try_create(const struct sandbox_things *t)
{
	char path[64];

	snprintf(path, sizeof(path), "/tmp/smtpd-probe-%ld",
	    (long)getppid());
	if (open(path, O_WRONLY | O_CREAT | O_EXCL, 0600) == -1)
		return false;
	unlink(path);
	return true;
}
PROBE(create, "create", RIGHT_SERVE, true);

TRY(truncate, "truncate", RIGHT_SERVE, false, truncate(nowhere, 0))
/* A socket will do, as the sandbox does not look at the kind of file. */
TRY(ftruncate, "ftruncate", RIGHT_SERVE, false, ftruncate(t->pair[0], 0))
TRY(unlink, "unlink", RIGHT_SERVE, false, unlink(nowhere))
TRY(link, "link", RIGHT_SERVE, false, link(nowhere, nowhere "2"))
TRY(rename, "rename", RIGHT_SERVE, false, rename(nowhere, nowhere "2"))
TRY(chmod, "chmod", 0, false, chmod(nowhere, 0600))
TRY(chown, "chown", 0, false, chown(nowhere, (uid_t)-1, (gid_t)-1))
TRY_IF(write, "write", RIGHT_IO, false, write(t->pair[0], "x", 1) == 1)
/* With F_SETFL a worker could overwrite a file that it may only append to. */
TRY(clear_append, "clear O_APPEND", OWN_STATE, false,
    fcntl(t->pair[0], F_SETFL, 0))
TRY(socket, "socket", RIGHT_CONNECT, false, socket(AF_INET, SOCK_STREAM, 0))
TRY(socket_unix, "socket AF_UNIX", RIGHT_SERVE, false,
    socket(AF_UNIX, SOCK_STREAM, 0))
TRY(socketpair, "socketpair", RIGHT_FORK, false,
    socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){ 0 }))
TRY(connect, "connect", RIGHT_SERVE | RIGHT_CONNECT, false,
    connect(t->pair[0], no_address, sizeof(*no_address)))
TRY(bind, "bind", RIGHT_CONNECT, false,
    bind(t->pair[0], no_address, sizeof(*no_address)))
TRY(listen, "listen", 0, false, listen(t->pair[0], 1))
TRY(accept, "accept", RIGHT_SERVE, false, accept(t->pair[0], NULL, NULL))
TRY(kill, "kill", 0, false, kill(getppid(), 0))
/* On success the shell's exit status is 0; unveil refuses with ENOENT. */
TRY_IF(execve, "execve", RIGHT_FORK, true,
    is_reached(execve("/bin/sh", (char *[]){ (char[]){ "sh" },
    (char[]){ "-c" }, (char[]){ "exit 0" }, NULL }, (char *[]){ NULL })) &&
    errno != ENOENT)
TRY(setuid, "setuid", 0, false, setuid(getuid()))
TRY_IF(fork, "fork", RIGHT_FORK, false, is_forked(fork()))
TRY_IF(map_code, "mmap PROT_EXEC", RIGHT_FORK, false,
    can_map(4096, PROT_READ | PROT_EXEC, MAP_PRIVATE))
TRY_IF(memory, "memory above the limit", RIGHT_SANITIZER, false,
    sandbox_table[t->role].memory_max_bytes != 0 &&
    can_map(sandbox_table[t->role].memory_max_bytes,
    PROT_READ | PROT_WRITE, MAP_PRIVATE))

/* Succeeds if a message with many descriptors arrives complete. */
static bool
try_descriptors(const struct sandbox_things *t)
{
	unsigned max = sandbox_table[t->role].descriptors_max;
	int fds[many_descriptors];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(fds))];
	} control = { .align = { .cmsg_level = SOL_SOCKET,
	    .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(fds)) } };
	struct iovec iov = { (char[]){ 'x' }, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = control.bytes,
	    .msg_controllen = sizeof(control.bytes) };

	for (int i = 0; i < many_descriptors; i++)
		fds[i] = t->pair[0];
	memcpy(CMSG_DATA(&control.align), fds, sizeof(fds));
	return max != 0 && max <= many_descriptors &&
	    sendmsg(t->pair[0], &msg, 0) == 1 &&
	    recvmsg(t->pair[1], &msg, 0) == 1 &&
	    !(msg.msg_flags & MSG_CTRUNC);
}
PROBE(descriptors, "descriptors above the limit", 0, false);

#ifdef __linux__
/* Made by number, so that libc cannot choose another call; harmless outside. */
TRY(memory_of_self, "open /proc/self/mem", RIGHT_SERVE, true,
    open("/proc/self/mem", O_RDWR))
#ifdef SYS_fork
/* libc's fork uses clone(2), even where the kernel has fork(2). */
TRY_IF(fork_call, "fork(2)", RIGHT_FORK, false,
    is_forked(syscall(SYS_fork)))
#endif
/* As vfork(2), but the child has its own memory, so returning is safe. */
TRY_IF(vfork, "vfork", 0, false, is_forked(syscall(SYS_clone,
    (unsigned long)(CLONE_VFORK | SIGCHLD), 0UL, 0UL, 0UL, 0UL)))
TRY(clone3, "clone3", 0, false, syscall(SYS_clone3, NULL, 0UL))
TRY(execveat, "execveat", RIGHT_FORK, true,
    syscall(SYS_execveat, AT_FDCWD, "/bin/sh",
    ((const char *[]){ "sh", "-c", "exit 0", NULL }), NULL, 0))
TRY(tgkill, "tgkill", 0, false, syscall(SYS_tgkill, getppid(), getppid(), 0))
TRY(pidfd_open, "pidfd_open", 0, false, syscall(SYS_pidfd_open, getppid(), 0U))
TRY(ptrace, "ptrace", 0, false, ptrace(PTRACE_TRACEME, 0, NULL, NULL))
TRY(process_vm_readv, "process_vm_readv", 0, false,
    process_vm_readv(getppid(), NULL, 0, NULL, 0, 0))
TRY(dumpable, "PR_SET_DUMPABLE", 0, false, prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
TRY(bpf, "bpf", 0, false, syscall(SYS_bpf, -1, NULL, 0U))
TRY(io_uring, "io_uring_setup", 0, false, syscall(SYS_io_uring_setup, 1U, NULL))
TRY(memfd_create, "memfd_create", 0, false, memfd_create("probe", MFD_CLOEXEC))
TRY(openat2, "openat2", RIGHT_SERVE, false,
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
    can_map(sandbox_table[t->role].memory_max_bytes +
    SANDBOX_IMAGE_MAX_BYTES, PROT_NONE, MAP_PRIVATE))
/* RLIMIT_DATA counts no memory that is read-only, ever, or shared. */
TRY_IF(map_read_only, "mmap PROT_READ", RIGHT_FORK | RIGHT_SANITIZER,
    false, can_map(4096, PROT_READ, MAP_PRIVATE))
TRY(mprotect_read_only, "mprotect PROT_READ",
    RIGHT_FORK | RIGHT_SANITIZER, false, change_page(PROT_READ))
TRY_IF(map_shared, "mmap MAP_SHARED", RIGHT_FORK | RIGHT_SANITIZER,
    false, can_map(4096, PROT_READ | PROT_WRITE, MAP_SHARED))
TRY(mprotect_code, "mprotect PROT_EXEC", RIGHT_FORK, false,
    change_page(PROT_READ | PROT_EXEC))
#endif

bool
sandbox_probe_applies(const struct sandbox_probe *probe,
    enum sandbox_role role)
{
	const unsigned rights = sandbox_os_rights(role);

	for (const struct sandbox_permitted *b = sandbox_beyond;
	    b->probe_name != NULL; b++)
		if ((rights & b->with) && !(rights & b->without) &&
		    strcmp(b->probe_name, probe->name) == 0)
			return false;
	if (!(rights & probe->unless))
		return true;
	return probe->elsewhere && sandbox_confines_paths(role);
}

enum sandbox_verdict
sandbox_probe_run(const struct sandbox_probe *probe, enum sandbox_role role,
    bool held)
{
	struct sandbox_things t = { .role = role };
	pid_t pid = fork(), waited;
	const char *what;
	int status;

	if (pid == 0) {
		/* OpenBSD tells the terminal of each process it kills. */
		(void)setsid();
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, t.pair) == -1 ||
		    (held && sandbox_enter(role, NULL, 0, &what) == -1))
			_exit(errno != 0 ? errno : ECANCELED);
		_exit(probe->succeeds(&t) ? 0 : status_refused);
	}
	do {
		waited = pid == -1 ? -1 : waitpid(pid, &status, 0);
	} while (pid != -1 && waited == -1 && errno == EINTR);
	if (waited == -1)
		return SANDBOX_FAILED;
	if (WIFSIGNALED(status) && WTERMSIG(status) == sandbox_kill_signal)
		return SANDBOX_KILLED;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : ECANCELED;
	return errno == 0 ? SANDBOX_SUCCEEDED :
	    errno == status_refused ? SANDBOX_REFUSED : SANDBOX_FAILED;
}

int
sandbox_probe_all(enum sandbox_role role, bool held, const char **what)
{
	enum sandbox_verdict verdict;

	FOR_EACH_PROBE(p) {
		if (!sandbox_probe_applies(*p, role))
			continue;
		*what = (*p)->name;
		verdict = sandbox_probe_run(*p, role, held);
		if (verdict == SANDBOX_SUCCEEDED || verdict == SANDBOX_FAILED)
			return -1;
	}
	return 0;
}

const char *
sandbox_try(enum sandbox_role role, bool proved)
{
	const char *what = sandbox_facts()->parts;

	return sandbox_facts()->exists && sandbox_prepare(role, &what) == 0 &&
	    (proved || sandbox_probe_all(role, true, &what) == 0) ? NULL : what;
}
