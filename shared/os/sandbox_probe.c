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

#include "shared/os/sandbox_os.h"

#define nowhere			"/nonexistent-smtpd-probe"
#define many_descriptors	144
#define no_address		(&(struct sockaddr){ .sa_family = 0 })
/* A child's exit status: 0 succeeded, 200 refused, others errno. */
#define status_refused		200

bool
sandbox_reached(long result)
{
#ifdef ECAPMODE
	if (result == -1 && (errno == ECAPMODE || errno == ENOTCAPABLE))
		return false;
#endif
	return result != -1 ||
	    (errno != ENOSYS && errno != EPERM && errno != EACCES);
}

bool
sandbox_forked(long pid)
{
	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
	/* RLIMIT_NPROC refuses with EAGAIN. */
	return sandbox_reached(pid) && (pid != -1 || errno != EAGAIN);
}

bool
sandbox_maps(uint64_t size, int protection, int flags)
{
	return mmap(NULL, (size_t)size, protection, flags | MAP_ANON, -1,
	    0) != MAP_FAILED;
}

/* "/" always exists: failing to open it is a refusal, even with ENOENT. */
TRY_IF(open, "open", RIGHT_FILES | RIGHT_LOADER, true,
    open("/", O_RDONLY | O_DIRECTORY) != -1)

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
PROBE(create, "create", RIGHT_FILES, true);

TRY(truncate, "truncate", RIGHT_FILES, false, truncate(nowhere, 0))
/* A socket will do, as the sandbox does not look at the kind of file. */
TRY(ftruncate, "ftruncate", RIGHT_FILES, false, ftruncate(t->pair[0], 0))
TRY(unlink, "unlink", RIGHT_FILES, false, unlink(nowhere))
TRY(link, "link", RIGHT_FILES, false, link(nowhere, nowhere "2"))
TRY(rename, "rename", RIGHT_FILES, false, rename(nowhere, nowhere "2"))
TRY(chmod, "chmod", 0, false, chmod(nowhere, 0600))
TRY(chown, "chown", 0, false, chown(nowhere, t->uid, (gid_t)-1))
TRY_IF(write, "write", RIGHT_IO, false, write(t->pair[0], "x", 1) == 1)
/* With F_SETFL a worker could overwrite a file that it may only append to. */
TRY(clear_append, "clear O_APPEND", OWN_STATE, false,
    fcntl(t->pair[0], F_SETFL, 0))
TRY(socket, "socket", RIGHT_CONNECT, false, socket(AF_INET, SOCK_STREAM, 0))
TRY(socket_unix, "socket AF_UNIX", RIGHT_SYSLOG, false,
    socket(AF_UNIX, SOCK_STREAM, 0))
TRY(socketpair, "socketpair", RIGHT_FORK, false,
    socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){ 0 }))
TRY(connect, "connect", RIGHT_SYSLOG | RIGHT_CONNECT, false,
    connect(t->pair[0], no_address, sizeof(*no_address)))
TRY(bind, "bind", RIGHT_CONNECT, false,
    bind(t->pair[0], no_address, sizeof(*no_address)))
TRY(listen, "listen", 0, false, listen(t->pair[0], 1))
TRY(accept, "accept", RIGHT_ACCEPT, false, accept(t->pair[0], NULL, NULL))
TRY(kill, "kill", 0, false, kill(t->parent, 0))
/* On success the shell's exit status is 0; unveil refuses with ENOENT. */
TRY_IF(execve, "execve", RIGHT_EXEC_SELF, true,
    sandbox_reached(execve("/bin/sh", (char *[]){ (char[]){ "sh" },
    (char[]){ "-c" }, (char[]){ "exit 0" }, NULL }, (char *[]){ NULL })) &&
    errno != ENOENT)
TRY(setuid, "setuid", 0, false, setuid(t->uid))
TRY_IF(fork, "fork", RIGHT_FORK, false, sandbox_forked(fork()))
TRY_IF(map_code, "mmap PROT_EXEC", RIGHT_EXEC_SELF, false,
    sandbox_maps(4096, PROT_READ | PROT_EXEC, MAP_PRIVATE))
TRY_IF(memory, "memory above the limit", RIGHT_SANITIZER, false,
    sandbox_table[t->role].memory_max_bytes != 0 &&
    sandbox_maps(sandbox_table[t->role].memory_max_bytes,
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

static const struct sandbox_probe *const probes[] = {
	&probe_open, &probe_create, &probe_truncate, &probe_ftruncate,
	&probe_unlink, &probe_link, &probe_rename, &probe_chmod, &probe_chown,
	&probe_write, &probe_clear_append, &probe_socket, &probe_socket_unix,
	&probe_socketpair, &probe_connect, &probe_bind, &probe_listen,
	&probe_accept, &probe_fork, &probe_kill, &probe_execve, &probe_setuid,
	&probe_map_code, &probe_memory, &probe_descriptors
};
enum { probe_count = sizeof(probes) / sizeof(probes[0]) };

const struct sandbox_probe *
sandbox_probe_at(size_t i)
{
	return i < probe_count ? probes[i] : sandbox_probes_os[i - probe_count];
}

bool
sandbox_among(const struct sandbox_permitted *list, size_t count,
    const char *probe_name, unsigned rights)
{
	for (size_t i = 0; i < count; i++)
		if ((rights & list[i].rights) &&
		    strcmp(probe_name, list[i].probe_name) == 0)
			return true;
	return false;
}

bool
sandbox_probe_applies(const struct sandbox_probe *probe,
    enum sandbox_role role)
{
	if (sandbox_beyond(probe->name, role))
		return false;
	if (!(sandbox_os_rights(role) & probe->unless))
		return true;
	return probe->elsewhere && sandbox_confines_paths(role);
}

enum sandbox_verdict
sandbox_probe_run(const struct sandbox_probe *probe, enum sandbox_role role,
    bool held)
{
	struct sandbox_things t = { .role = role, .parent = getpid(),
	    .uid = getuid() };
	pid_t pid = fork(), waited;
	const char *what;
	int status;

	if (pid == 0) {
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
	const struct sandbox_probe *probe;
	enum sandbox_verdict verdict;

	for (size_t i = 0; (probe = sandbox_probe_at(i)) != NULL; i++) {
		if (!sandbox_probe_applies(probe, role))
			continue;
		*what = probe->name;
		verdict = sandbox_probe_run(probe, role, held);
		if (verdict == SANDBOX_SUCCEEDED || verdict == SANDBOX_FAILED)
			return -1;
	}
	return 0;
}

const char *
sandbox_try(enum sandbox_role role)
{
	const char *what = sandbox_facts()->parts;

	return sandbox_facts()->exists && sandbox_prepare(role, &what) == 0 &&
	    sandbox_probe_all(role, true, &what) == 0 ? NULL : what;
}
