/*
 * The sandbox on FreeBSD: limits, no tracing, cap_rights_limit(2) on the open
 * descriptors and capability mode (capsicum(4)).  Written after the manual
 * pages and compiled against stub headers only; it has not run.
 *
 * In capability mode every absolute open fails, so the master opens files with
 * the *at calls below directories that it opened before, and the nursery
 * executes itself with fexecve(2) of a descriptor of its own program.  Paths
 * given to sandbox_enter are for other systems.  There is no reconnecting to
 * syslog: RIGHT_SYSLOG keeps the open socket.
 *
 * Not prevented, as sandbox_beyond says: a process can create sockets, but not
 * bind or connect them, set its own user ID, and map code.  Memory is limited
 * as address space.  A descriptor that a worker receives later has the rights
 * that the sender left on it.
 */
#include <sys/types.h>
#include <sys/capsicum.h>
#include <sys/mman.h>
#include <sys/procctl.h>
#include <sys/resource.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "shared/os/sandbox_limits.h"
#include "shared/os/sandbox_probe.h"
#include "shared/os/sandbox_table.h"

/* A worker's descriptors are lower; the caller closes higher ones. */
#define limited_descriptors	64
/* RLIMIT_AS also counts the program and memory that malloc(3) reserves. */
#define address_slack_bytes	(64ULL * 1024 * 1024)

static struct sandbox_limits limits[SANDBOX_ROLE_COUNT];
static bool prepared[SANDBOX_ROLE_COUNT];

int
sandbox_prepare(enum sandbox_role role, const char **what)
{
	uint64_t memory;

	memory = sandbox_table[role].memory_max_bytes;
	if (memory != 0)
		memory += address_slack_bytes;
	*what = "getrlimit";
	if (sandbox_limits_note(&limits[role], role, 0, memory) == -1)
		return -1;
	prepared[role] = true;
	return 0;
}

/* No ftruncate and no F_SETFL, so a spool file can only be appended to. */
static int
limit_descriptors(void)
{
	cap_rights_t rights;
	int fd;

	cap_rights_init(&rights, CAP_READ, CAP_WRITE, CAP_SEEK, CAP_EVENT,
	    CAP_FSYNC, CAP_FSTAT, CAP_SHUTDOWN);
	for (fd = 0; fd < limited_descriptors; fd++) {
		if (cap_rights_limit(fd, &rights) == -1 && errno != EBADF)
			return -1;
	}
	return 0;
}

static int
forbid_tracing(void)
{
	int disable;

	disable = PROC_TRACE_CTL_DISABLE;
	return procctl(P_PID, (id_t)getpid(), PROC_TRACE_CTL, &disable);
}

static bool
owns_more(enum sandbox_role role)
{
	return (sandbox_table[role].rights &
	    (RIGHT_ACCEPT | RIGHT_FILES | RIGHT_FORK)) != 0;
}

int
sandbox_enter(enum sandbox_role role, const struct sandbox_path *paths,
    size_t path_count, const char **what)
{
	(void)paths;
	(void)path_count;
	*what = "not prepared";
	if (!prepared[role]) {
		errno = EINVAL;
		return -1;
	}
	*what = "setrlimit";
	if (sandbox_limits_set(&limits[role]) == -1)
		return -1;
	*what = "PROC_TRACE_CTL";
	if (forbid_tracing() == -1)
		return -1;
	*what = "cap_rights_limit";
	if (!owns_more(role) && limit_descriptors() == -1)
		return -1;
	*what = "cap_enter";
	return cap_enter();
}

/* Capability mode and limits survive execve(2), PROC_TRACE_CTL does not. */
int
sandbox_resume(enum sandbox_role role, const struct sandbox_path *paths,
    size_t path_count, const char **what)
{
	unsigned mode;

	(void)role;
	(void)paths;
	(void)path_count;
	*what = "held by no sandbox";
	if (cap_getmode(&mode) == -1)
		return -1;
	if (mode == 0) {
		errno = EPERM;
		return -1;
	}
	*what = "PROC_TRACE_CTL";
	return forbid_tracing();
}

bool
sandbox_exists(void)
{
	return true;
}

const char *
sandbox_lacks(void)
{
	return NULL;
}

const char *
sandbox_describe(void)
{
	return "capsicum, rlimits";
}

/* Capability mode refuses calls, and kills by no signal but this one. */
const int sandbox_kill_signal = SIGTRAP;
const struct sandbox_probe sandbox_probes_os[] = {
	{ NULL, 0, false, NULL }
};
const size_t sandbox_probes_os_count = 0;

bool
sandbox_confines_paths(enum sandbox_role role)
{
	(void)role;
	return true;
}

bool
sandbox_beyond(const char *probe_name, enum sandbox_role role)
{
	static const char *const always[] = {
		"socket", "socket AF_UNIX", "socketpair", "setuid",
		"mmap PROT_EXEC", "memory above the limit", "write"
	};
	static const char *const owner[] = {
		"ftruncate", "listen", "accept"
	};
	size_t i;

	for (i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
		if (strcmp(probe_name, always[i]) == 0)
			return true;
	}
	for (i = 0; i < sizeof(owner) / sizeof(owner[0]); i++) {
		if (owns_more(role) && strcmp(probe_name, owner[i]) == 0)
			return true;
	}
	return false;
}
