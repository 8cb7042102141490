/*
 * Shared by the tests of the sandbox: a body that runs in a process of its
 * own, in a role's sandbox or not, so that the test itself stays free; and the
 * work of a session, which each role must permit.
 */
#ifndef T_UNIT_SANDBOX_LINUX_CASE_H
#define T_UNIT_SANDBOX_LINUX_CASE_H

#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shared/os/sandbox_table.h"
#include "t/unit/unit.h"

#define FSIZE_MAX_BYTES	65536

/* In a body: prints what is wrong and exits with 1.  Status 0: all is well. */
#define EXPECT(condition) do { \
	if (!(condition)) { \
		dprintf(STDERR_FILENO, "%s:%d: %s: %s\n", __FILE__, \
		    __LINE__, #condition, strerror(errno)); \
		_exit(1); \
	} \
} while (0)

static inline int
case_wait(pid_t pid)
{
	int status;

	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

/* The wait status of a child that runs body, which may exit earlier. */
static inline int
case_run(void (*body)(void))
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		body();
		_exit(0);
	}
	return case_wait(pid);
}

/* In a body: enters the sandbox of role, or exits with 2. */
static inline void
case_enter(enum sandbox_role role, const struct sandbox_path *paths,
    size_t path_count)
{
	const char *what = "";

	if (sandbox_limit_file(FSIZE_MAX_BYTES) == -1 ||
	    sandbox_prepare(role, &what) == -1 ||
	    sandbox_enter(role, paths, path_count, &what) == -1) {
		dprintf(STDERR_FILENO, "%s: %s\n", what, strerror(errno));
		_exit(2);
	}
}

static inline void
case_passes(void (*body)(void))
{
	int status = case_run(body);

	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "wait status %#x", (unsigned)status);
}

static inline void
case_dies(void (*body)(void), int sig)
{
	int status = case_run(body);

	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == sig,
	    "wait status %#x", (unsigned)status);
}

/* Made before a body enters its role. */
static int pair[2];
static int file = -1;
/* Without it optimizers may drop an allocation that is not used. */
static void *volatile seen;

static inline void
make_things(void)
{
	EXPECT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) ==
	    0);
	file = memfd_create("check", MFD_CLOEXEC);
	EXPECT(file != -1 && fcntl(file, F_SETFL, O_APPEND) == 0);
}

union control {
	struct cmsghdr	align;
	char		bytes[CMSG_SPACE(sizeof(int))];
};

static inline void
pass_descriptor(void)
{
	union control control;
	struct cmsghdr *cmsg;
	struct msghdr msg;
	struct iovec iov;
	char octet = 'x';
	int fd;

	memset(&msg, 0, sizeof(msg));
	memset(&control, 0, sizeof(control));
	iov.iov_base = &octet;
	iov.iov_len = 1;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = control.bytes;
	msg.msg_controllen = sizeof(control.bytes);
	cmsg = CMSG_FIRSTHDR(&msg);
	EXPECT(cmsg != NULL);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &file, sizeof(int));
	EXPECT(sendmsg(pair[0], &msg, MSG_NOSIGNAL) == 1);
	memset(&control, 0, sizeof(control));
	msg.msg_controllen = sizeof(control.bytes);
	EXPECT(recvmsg(pair[1], &msg, MSG_CMSG_CLOEXEC) == 1);
	cmsg = CMSG_FIRSTHDR(&msg);
	EXPECT(cmsg != NULL && cmsg->cmsg_type == SCM_RIGHTS);
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(int));
	EXPECT(write(fd, "y", 1) == 1);
	EXPECT(close(fd) == 0);
}

static inline void
use_memory(void)
{
	size_t n = 1024 * 1024;
	char *p;

	seen = p = malloc(n);
	EXPECT(p != NULL);
	memset(p, 1, n);
	seen = p = realloc(p, 2 * n);
	EXPECT(p != NULL && p[n - 1] == 1);
	free(p);
}

/* All that a session needs. */
static inline void
work(void)
{
	struct pollfd pfd = { .fd = pair[1], .events = POLLIN };
	struct iovec iov[2] = { { pair, 1 }, { pair, 1 } };
	struct timespec now;
	char octets[8];
	off_t before;

	EXPECT(write(pair[0], "a", 1) == 1);
	EXPECT(poll(&pfd, 1, 1000) == 1 && (pfd.revents & POLLIN));
	EXPECT(read(pair[1], octets, sizeof(octets)) == 1);
	EXPECT(send(pair[0], "bc", 2, MSG_NOSIGNAL) == 2);
	EXPECT(recv(pair[1], octets, sizeof(octets), MSG_DONTWAIT) == 2);
	pass_descriptor();
	before = lseek(file, 0, SEEK_END);
	EXPECT(before > 0);
	EXPECT(lseek(file, 0, SEEK_SET) == 0);
	EXPECT(writev(file, iov, 2) == 2);
	EXPECT(fdatasync(file) == 0 && fsync(file) == 0);
	EXPECT(lseek(file, 0, SEEK_END) == before + 2);
	EXPECT(pread(file, octets, 1, 0) == 1 && octets[0] == 'y');
	EXPECT((fcntl(file, F_GETFL) & O_APPEND) != 0);
	EXPECT(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
	EXPECT(syscall(SYS_clock_gettime, CLOCK_REALTIME, &now) == 0);
	EXPECT(getrandom(octets, sizeof(octets), 0) == sizeof(octets));
	use_memory();
	EXPECT(shutdown(pair[0], SHUT_WR) == 0);
	EXPECT(close(pair[0]) == 0 && close(pair[1]) == 0);
}

#endif
