/*
 * The machinery below both systems: filter, trap, log.  x86-64 only, as it
 * reads arguments from registers.
 */
#include "t/bsd/kernel.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef __x86_64__
#error "t/bsd reads the registers of x86-64"
#endif

#define secret		0x6b65726e656c2e63L
#define log_name	"T_BSD_LOG="
#define terminal_name	"T_BSD_TERMINAL="
#define state_name	"T_BSD_STATE="
#define envp_max	8

/* Files by name, as descriptors do not outlive what the programs close. */
static char log_path[256], terminal_path[256];

extern char **environ;

/*
 * All arguments but the last, which is the secret.  It is wiped, or calls of
 * fewer arguments that follow would pass with it.
 */
static long
pass(const struct call *call)
{
	register long r10 __asm__("r10") = call->args[3];
	register long r8 __asm__("r8") = call->args[4];
	register long r9 __asm__("r9") = secret;
	long result;

	__asm__ volatile("syscall\n\txorl %%r9d, %%r9d" : "=a"(result),
	    "+r"(r9) : "a"(call->number), "D"(call->args[0]),
	    "S"(call->args[1]), "d"(call->args[2]), "r"(r10), "r"(r8) :
	    "rcx", "r11", "memory", "cc");
	return result;
}

long
kernel_raw(long number, long a, long b, long c, long d)
{
	return pass(&(struct call){ number, { a, b, c, d } });
}

/* ---- the log ------------------------------------------------------------ */

static void
append(const char *path, const char *line, size_t n)
{
	long fd;

	if (path[0] == '\0')
		return;
	fd = kernel_raw(SYS_openat, AT_FDCWD, (long)path, O_WRONLY | O_APPEND |
	    O_CLOEXEC, 0);
	if (fd < 0)
		return;
	kernel_raw(SYS_write, fd, (long)line, (long)n, 0);
	kernel_raw(SYS_close, fd, 0, 0, 0);
}

/* Pledge sends it uncatchable. */
static void
abort_now(void)
{
	/* struct sigaction of the kernel: handler, flags, restorer, mask. */
	const long initial[4] = { (long)SIG_DFL, 0, 0, 0 };
	const uint64_t abort_only = 1ULL << (SIGABRT - 1);
	const long pid = kernel_raw(SYS_getpid, 0, 0, 0, 0);

	kernel_raw(SYS_rt_sigaction, SIGABRT, (long)initial, 0, 8);
	kernel_raw(SYS_rt_sigprocmask, SIG_UNBLOCK, (long)&abort_only, 0, 8);
	kernel_raw(SYS_kill, pid, SIGABRT, 0, 0);
}

void
kernel_says(const char *what, long number, bool dies)
{
	char line[160];
	int n = snprintf(line, sizeof(line), "%ld: %s, system call %ld\n",
	    kernel_raw(SYS_getpid, 0, 0, 0, 0), what, number);

	append(log_path, line, (size_t)n);
	/* Who began a session of its own has no terminal. */
	if (dies && kernel_raw(SYS_getsid, 0, 0, 0, 0) !=
	    kernel_raw(SYS_getpid, 0, 0, 0, 0))
		append(terminal_path, line, (size_t)n);
	if (dies)
		abort_now();
}

void
kernel_lifts(int ruleset, void (*lift)(int ruleset, const char *path,
    const char *permissions))
{
	lift(ruleset, log_path, "w");
	lift(ruleset, terminal_path, "w");
}

/* ---- the trap ----------------------------------------------------------- */

static void
on_trap(int sig, siginfo_t *info, void *context)
{
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
	const struct call call = { info->si_syscall, { r[REG_RDI], r[REG_RSI],
	    r[REG_RDX], r[REG_R10], r[REG_R8], r[REG_R9] } };
	int saved = errno;
	long result = kernel_answers(&call);

	if (result == kernel_passes)
		result = pass(&call);
	r[REG_RAX] = result;
	errno = saved;
}

static int
catch_traps(void)
{
	struct sigaction sa = { .sa_sigaction = on_trap,
	    .sa_flags = SA_SIGINFO | SA_NODEFER };

	return sigaction(SIGSYS, &sa, NULL);
}

static void
add(struct sock_filter *code, size_t *n, struct sock_filter one)
{
	code[(*n)++] = one;
}

#define LOAD(field, half) (struct sock_filter)BPF_STMT(BPF_LD | BPF_W |	\
	BPF_ABS, offsetof(struct seccomp_data, field) + (half))
#define EQUAL(value, yes, no) (struct sock_filter)BPF_JUMP(BPF_JMP |	\
	BPF_JEQ | BPF_K, (value), (yes), (no))
#define ANSWER(what) (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, (what))

/*
 * What passes by one argument: memory that is not executed; limits that are
 * only read, and libc's look at the path of its program, before any handler is
 * there at the start of an image.
 */
static void
add_by_argument(struct sock_filter *code, size_t *k)
{
	static const struct { uint32_t call; size_t field; uint32_t value; }
	by[] = {
		{ SYS_prlimit64, offsetof(struct seccomp_data, args[2]), 0 },
		{ SYS_readlink, offsetof(struct seccomp_data, args[2]), 4096 }
	};

	for (size_t i = 0; i < 2; i++) {
		add(code, k, EQUAL(by[i].call, 0, 4));
		add(code, k, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W |
		    BPF_ABS, (uint32_t)by[i].field));
		add(code, k, EQUAL(by[i].value, 0, 1));
		add(code, k, ANSWER(SECCOMP_RET_ALLOW));
		add(code, k, LOAD(nr, 0));
	}
	add(code, k, EQUAL(SYS_mmap, 1, 0));
	add(code, k, EQUAL(SYS_mprotect, 0, 4));
	add(code, k, LOAD(args[2], 0));
	add(code, k, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K,
	    PROT_EXEC, 1, 0));
	add(code, k, ANSWER(SECCOMP_RET_ALLOW));
	add(code, k, LOAD(nr, 0));
}

int
kernel_confine(const int *const *lists, const size_t *counts, size_t n)
{
	static struct sock_filter code[1024];
	size_t k = 0;
	struct sock_fprog program;

	add(code, &k, LOAD(args[5], 0));
	add(code, &k, EQUAL((uint32_t)(secret & 0xffffffffL), 0, 3));
	add(code, &k, LOAD(args[5], 4));
	add(code, &k, EQUAL((uint32_t)(secret >> 32), 0, 1));
	add(code, &k, ANSWER(SECCOMP_RET_ALLOW));
	add(code, &k, LOAD(nr, 0));
	add_by_argument(code, &k);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < counts[i]; j++) {
			add(code, &k, EQUAL((uint32_t)lists[i][j], 0, 1));
			add(code, &k, ANSWER(SECCOMP_RET_ALLOW));
		}
	add(code, &k, ANSWER(SECCOMP_RET_TRAP));
	program = (struct sock_fprog){ (unsigned short)k, code };
	if (catch_traps() == -1 || kernel_raw(SYS_prctl, PR_SET_NO_NEW_PRIVS,
	    1, 0, 0) < 0)
		return -1;
	errno = (int)-kernel_raw(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0,
	    (long)&program, 0);
	return errno == 0 ? 0 : -1;
}

/* ---- the next image ----------------------------------------------------- */

/* The programs leave nothing of their environment to what they execute. */
static char **
extend(char *const *given, const char *state)
{
	static char text[3][300];
	static char *envp[envp_max];
	size_t n = 0;

	snprintf(text[0], sizeof(text[0]), log_name "%s", log_path);
	snprintf(text[1], sizeof(text[1]), terminal_name "%s", terminal_path);
	envp[n++] = text[0];
	envp[n++] = text[1];
	if (state != NULL) {
		snprintf(text[2], sizeof(text[2]), state_name "%s", state);
		envp[n++] = text[2];
	}
	for (; given != NULL && *given != NULL && n < envp_max - 1; given++)
		envp[n++] = *given;
	envp[n] = NULL;
	return envp;
}

long
kernel_execute(const struct call *call, const char *state)
{
	struct call to = *call;
	long *envp = &to.args[call->number == SYS_execveat ? 3 : 2];

	*envp = (long)extend((char *const *)*envp, state);
	return pass(&to);
}

/* Instead of libc's. */
int
execve(const char *path, char *const argv[], char *const envp[])
{
	return (int)syscall(SYS_execve, path, argv, extend(envp, NULL));
}

int
fexecve(int fd, char *const argv[], char *const envp[])
{
	return (int)syscall(SYS_execveat, fd, "", argv, extend(envp, NULL),
	    AT_EMPTY_PATH);
}

/* The rest of a variable's text, if it has this name. */
static const char *
value(const char *variable, const char *name)
{
	const size_t n = strlen(name);

	return strncmp(variable, name, n) == 0 ? variable + n : NULL;
}

__attribute__((constructor)) static void
begin(void)
{
	const char *state = NULL, *v;

	for (char **e = environ; *e != NULL; e++) {
		if ((v = value(*e, log_name)) != NULL)
			snprintf(log_path, sizeof(log_path), "%s", v);
		if ((v = value(*e, terminal_name)) != NULL)
			snprintf(terminal_path, sizeof(terminal_path), "%s",
			    v);
		if ((v = value(*e, state_name)) != NULL)
			state = v;
	}
	if (state != NULL && catch_traps() == 0)
		kernel_resumes(state);
}

/* ---- in libc there, and in none of the libraries of the worker here ------ */

int
getpeereid(int fd, uid_t *uid, gid_t *gid)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == -1)
		return -1;
	*uid = peer.uid;
	*gid = peer.gid;
	return 0;
}

size_t
strlcat(char *to, const char *from, size_t room)
{
	const size_t at = strnlen(to, room);

	return at + (size_t)snprintf(to + at, room - at, "%s", from);
}

/*
 * Each record has its end: Linux keeps them apart, and says nothing of it.  For
 * a reader that may open no more OpenBSD drops a record with a descriptor, and
 * FreeBSD drops the descriptor, says so, and has the record next.
 */
ssize_t
recvmsg(int fd, struct msghdr *m, int flags)
{
	static int kept_for = -1;
	static ssize_t kept;
	static uint8_t octets[2048];
	ssize_t n;

	if (fd == kept_for) {
		kept_for = -1;
		memcpy(m->msg_iov->iov_base, octets, (size_t)kept);
		m->msg_controllen = 0;
		m->msg_flags = MSG_EOR;
		return kept;
	}
	n = (ssize_t)syscall(SYS_recvmsg, fd, m, flags);
	if (n > 0 && (m->msg_flags & MSG_CTRUNC) && m->msg_controllen == 0) {
#ifdef __OpenBSD__
		errno = EMSGSIZE;
#else
		kept_for = fd;
		kept = n;
		memcpy(octets, m->msg_iov->iov_base, (size_t)n);
		errno = EMFILE;
#endif
		return -1;
	}
	if (n > 0 && !(m->msg_flags & MSG_TRUNC))
		m->msg_flags |= MSG_EOR;
	return n;
}
