/*
 * The self-test: each forbidden thing is tried in a child of its own, which
 * has to be killed or refused.  These probes are for every system; probes of
 * one system are in its own file.
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
#include <unistd.h>

#include "shared/os/sandbox_probe.h"

#define nowhere			"/nonexistent-smtpd-probe"
#define many_descriptors	16
/* A child's exit status: 0 succeeded, 200 refused, others errno. */
#define status_refused		200

bool
sandbox_reached(long result)
{
	if (result != -1)
		return true;
	switch (errno) {
	case ENOSYS:
	case EPERM:
	case EACCES:
#ifdef ECAPMODE
	case ECAPMODE:
	case ENOTCAPABLE:
#endif
		return false;
	default:
		return true;
	}
}

/* "/" always exists: failing to open it is a refusal, even with ENOENT. */
static bool
try_open(const struct sandbox_things *t)
{
	(void)t;
	return open("/", O_RDONLY | O_DIRECTORY) != -1;
}

static bool
try_create(const struct sandbox_things *t)
{
	char path[64];

	snprintf(path, sizeof(path), "/tmp/smtpd-probe-%ld",
	    (long)t->parent);
	if (open(path, O_WRONLY | O_CREAT | O_EXCL, 0600) == -1)
		return false;
	unlink(path);
	return true;
}

TRY(truncate, truncate(nowhere, 0))
/* A socket will do, as the sandbox does not look at the kind of file. */
TRY(ftruncate, ftruncate(t->pair[0], 0))
TRY(unlink, unlink(nowhere))
TRY(link, link(nowhere, nowhere "2"))
TRY(rename, rename(nowhere, nowhere "2"))
TRY(chmod, chmod(nowhere, 0600))
TRY(chown, chown(nowhere, t->uid, (gid_t)-1))

static bool
try_write(const struct sandbox_things *t)
{
	return write(t->pair[0], "x", 1) == 1;
}

/* With F_SETFL a worker could overwrite a file that it may only append to. */
TRY(clear_append, fcntl(t->pair[0], F_SETFL, 0))
TRY(socket, socket(AF_INET, SOCK_STREAM, 0))
TRY(socket_unix, socket(AF_UNIX, SOCK_STREAM, 0))

static bool
try_socketpair(const struct sandbox_things *t)
{
	int pair[2];

	(void)t;
	return sandbox_reached(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}

static bool
try_connect(const struct sandbox_things *t)
{
	struct sockaddr nobody;

	memset(&nobody, 0, sizeof(nobody));
	return sandbox_reached(connect(t->pair[0], &nobody, sizeof(nobody)));
}

static bool
try_bind(const struct sandbox_things *t)
{
	struct sockaddr nobody;

	memset(&nobody, 0, sizeof(nobody));
	return sandbox_reached(bind(t->pair[0], &nobody, sizeof(nobody)));
}

TRY(listen, listen(t->pair[0], 1))
TRY(accept, accept(t->pair[0], NULL, NULL))

static bool
try_fork(const struct sandbox_things *t)
{
	pid_t pid;

	(void)t;
	pid = fork();
	if (pid == 0)
		_exit(0);
	/* RLIMIT_NPROC refuses with EAGAIN. */
	if (pid == -1 && errno == EAGAIN)
		return false;
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return sandbox_reached(pid);
}

TRY(kill, kill(t->parent, 0))

/* On success the shell's exit status is 0; unveil refuses with ENOENT. */
static bool
try_execve(const struct sandbox_things *t)
{
	char name[] = "sh", option[] = "-c", command[] = "exit 0";
	char *args[] = { name, option, command, NULL };
	char *none[] = { NULL };

	(void)t;
	return sandbox_reached(execve("/bin/sh", args, none)) &&
	    errno != ENOENT;
}

TRY(setuid, setuid(t->uid))

static bool
map_succeeds(size_t size, int protection)
{
	return mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANON, -1, 0) !=
	    MAP_FAILED;
}

static bool
try_map_code(const struct sandbox_things *t)
{
	(void)t;
	return map_succeeds(4096, PROT_READ | PROT_EXEC);
}

static bool
try_memory(const struct sandbox_things *t)
{
	uint64_t max;

	max = sandbox_table[t->role].memory_max_bytes;
	return max != 0 && map_succeeds((size_t)max, PROT_READ | PROT_WRITE);
}

static bool
send_many(const struct sandbox_things *t, struct msghdr *msg)
{
	struct cmsghdr *cmsg;
	int fds[many_descriptors], i;

	for (i = 0; i < many_descriptors; i++)
		fds[i] = t->pair[0];
	msg->msg_controllen = CMSG_SPACE(sizeof(fds));
	cmsg = CMSG_FIRSTHDR(msg);
	if (cmsg == NULL)
		return false;
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(cmsg), fds, sizeof(fds));
	return sendmsg(t->pair[0], msg, 0) == 1;
}

/* Succeeds if a message with many descriptors arrives complete. */
static bool
try_descriptors(const struct sandbox_things *t)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * many_descriptors)];
	} control;
	struct msghdr msg;
	struct iovec iov;
	char octet;

	if (sandbox_table[t->role].descriptors_max == 0 ||
	    sandbox_table[t->role].descriptors_max > many_descriptors)
		return false;
	memset(&msg, 0, sizeof(msg));
	memset(&control, 0, sizeof(control));
	octet = 'x';
	iov.iov_base = &octet;
	iov.iov_len = 1;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = control.bytes;
	if (!send_many(t, &msg))
		return false;
	msg.msg_controllen = sizeof(control.bytes);
	return recvmsg(t->pair[1], &msg, 0) == 1 &&
	    !(msg.msg_flags & MSG_CTRUNC);
}

#define OWN_STATE	(RIGHT_ACCEPT | RIGHT_FILES | RIGHT_FORK | RIGHT_EVENTS)

const struct sandbox_probe sandbox_probes[] = {
	{ "open", RIGHT_FILES, true, try_open },
	{ "create", RIGHT_FILES, true, try_create },
	{ "truncate", RIGHT_FILES, false, try_truncate },
	{ "ftruncate", RIGHT_FILES, false, try_ftruncate },
	{ "unlink", RIGHT_FILES, false, try_unlink },
	{ "link", RIGHT_FILES, false, try_link },
	{ "rename", RIGHT_FILES, false, try_rename },
	{ "chmod", 0, false, try_chmod },
	{ "chown", 0, false, try_chown },
	{ "write", RIGHT_IO, false, try_write },
	{ "clear O_APPEND", OWN_STATE, false, try_clear_append },
	{ "socket", 0, false, try_socket },
	{ "socket AF_UNIX", RIGHT_SYSLOG, false, try_socket_unix },
	{ "socketpair", RIGHT_FORK, false, try_socketpair },
	{ "connect", RIGHT_SYSLOG, false, try_connect },
	{ "bind", 0, false, try_bind },
	{ "listen", 0, false, try_listen },
	{ "accept", RIGHT_ACCEPT, false, try_accept },
	{ "fork", RIGHT_FORK, false, try_fork },
	{ "kill", 0, false, try_kill },
	{ "execve", RIGHT_EXEC_SELF, true, try_execve },
	{ "setuid", 0, false, try_setuid },
	{ "mmap PROT_EXEC", RIGHT_EXEC_SELF, false, try_map_code },
	{ "memory above the limit", 0, false, try_memory },
	{ "descriptors above the limit", 0, false, try_descriptors },
};
const size_t sandbox_probes_count =
    sizeof(sandbox_probes) / sizeof(sandbox_probes[0]);

bool
sandbox_probe_applies(const struct sandbox_probe *probe,
    enum sandbox_role role)
{
	if (sandbox_beyond(probe->name, role))
		return false;
	if (!(sandbox_table[role].rights & probe->unless))
		return true;
	return probe->elsewhere && sandbox_confines_paths(role);
}

int
sandbox_things_open(struct sandbox_things *out, enum sandbox_role role,
    const char **what)
{
	out->role = role;
	out->parent = getpid();
	out->uid = getuid();
	*what = "socketpair";
	return socketpair(AF_UNIX, SOCK_STREAM, 0, out->pair);
}

void
sandbox_things_close(struct sandbox_things *things)
{
	int saved;

	saved = errno;
	close(things->pair[0]);
	close(things->pair[1]);
	errno = saved;
}

static void
probe_child(const struct sandbox_probe *probe,
    const struct sandbox_things *things, bool held)
{
	const char *what;

	if (held && sandbox_enter(things->role, NULL, 0, &what) == -1)
		_exit(errno != 0 ? errno : ECANCELED);
	_exit(probe->succeeds(things) ? 0 : status_refused);
}

enum sandbox_verdict
sandbox_probe_run(const struct sandbox_probe *probe,
    const struct sandbox_things *things, bool held)
{
	pid_t pid, waited;
	int status;

	pid = fork();
	if (pid == -1)
		return SANDBOX_FAILED;
	if (pid == 0)
		probe_child(probe, things, held);
	do {
		waited = waitpid(pid, &status, 0);
	} while (waited == -1 && errno == EINTR);
	if (waited == -1)
		return SANDBOX_FAILED;
	if (WIFSIGNALED(status) && WTERMSIG(status) == sandbox_kill_signal)
		return SANDBOX_KILLED;
	errno = ECANCELED;
	if (!WIFEXITED(status))
		return SANDBOX_FAILED;
	if (WEXITSTATUS(status) == 0)
		return SANDBOX_SUCCEEDED;
	if (WEXITSTATUS(status) == status_refused)
		return SANDBOX_REFUSED;
	errno = WEXITSTATUS(status);
	return SANDBOX_FAILED;
}

static int
run_table(const struct sandbox_probe *table, size_t count,
    const struct sandbox_things *things, bool held, const char **what)
{
	enum sandbox_verdict verdict;
	size_t i;

	for (i = 0; i < count; i++) {
		if (!sandbox_probe_applies(&table[i], things->role))
			continue;
		verdict = sandbox_probe_run(&table[i], things, held);
		if (verdict == SANDBOX_KILLED || verdict == SANDBOX_REFUSED)
			continue;
		*what = table[i].name;
		if (verdict == SANDBOX_SUCCEEDED)
			errno = 0;
		return -1;
	}
	return 0;
}

int
sandbox_probe_all(enum sandbox_role role, bool held, const char **what)
{
	struct sandbox_things things;
	int result;

	if (sandbox_things_open(&things, role, what) == -1)
		return -1;
	result = run_table(sandbox_probes, sandbox_probes_count, &things,
	    held, what);
	if (result == 0)
		result = run_table(sandbox_probes_os, sandbox_probes_os_count,
		    &things, held, what);
	sandbox_things_close(&things);
	return result;
}

int
sandbox_self_test(enum sandbox_role role, const char **what)
{
	return sandbox_probe_all(role, true, what);
}
