/*
 * The sandbox on FreeBSD: limits, no tracing, cap_rights_limit(2) on the open
 * descriptors and capability mode (capsicum(4)).  Every absolute open fails
 * there: files are opened below kept directories, the nursery executes itself
 * by a descriptor, and the socket of syslog stays open.  Nobody connects in it,
 * so dial, which parses and holds nothing, is confined by its limits, its user
 * and an empty directory only; and the keeper cannot start another.  A process
 * can create sockets, but not bind or connect them, set its own user ID, and
 * map code (sandbox_beyond).  A descriptor that a worker receives later has the
 * rights that the sender left on it.
 */
#include <sys/types.h>
#include <sys/capsicum.h>
#include <sys/mman.h>
#include <sys/param.h>
#include <sys/procctl.h>
#include <sys/resource.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "shared/os/sandbox_os.h"

#if defined(__FreeBSD_version) && __FreeBSD_version < 1500000
#error "FreeBSD 15 is needed: before, the self-test can wait for no child"
#endif

/* A worker's descriptors are lower; the caller closes higher ones. */
#define limited_descriptors	64

/*
 * For what this process forks and executes, too.  In capability mode, where no
 * process may call procctl(2), its parent has done so.
 */
static int
forbid_tracing(void)
{
	int disable = PROC_TRACE_CTL_DISABLE_EXEC;
	unsigned mode;

	if (cap_getmode(&mode) == 0 && mode == 1)
		return 0;
	return procctl(P_PID, (id_t)getpid(), PROC_TRACE_CTL, &disable);
}

static bool
connects(enum sandbox_role role)
{
	return (sandbox_table[role].rights & (RIGHT_CONNECT | RIGHT_FORK)) ==
	    RIGHT_CONNECT;
}

int
sandbox_prepare(enum sandbox_role role, const char **what)
{
	unsigned mode;

	*what = "no connection in the keeper's capability mode: restart smtpd";
	errno = ECAPMODE;
	return connects(role) && cap_getmode(&mode) == 0 && mode == 1 ? -1 : 0;
}

int
sandbox_os_enter(enum sandbox_role role, const struct sandbox_path *paths,
    size_t path_count, const char **what)
{
	bool owner = (sandbox_table[role].rights & OWN_STATE) != 0;
	cap_rights_t rights;

	*what = "PROC_TRACE_CTL";
	if (forbid_tracing() == -1)
		return -1;
	if (connects(role))
		return 0;
	*what = "cap_rights_limit";
	/* No ftruncate, no F_SETFL: a spool file can only be appended to. */
	cap_rights_init(&rights, CAP_READ, CAP_WRITE, CAP_SEEK, CAP_EVENT,
	    CAP_FSYNC, CAP_FSTAT, CAP_SHUTDOWN);
	for (int fd = 0; !owner && fd < limited_descriptors; fd++)
		if (cap_rights_limit(fd, &rights) == -1 && errno != EBADF)
			return -1;
	*what = "cap_enter";
	return cap_enter();
}

/* Capability mode, limits and PROC_TRACE_CTL survive execve(2). */
int
sandbox_resume(enum sandbox_role role, const struct sandbox_path *paths,
    size_t path_count, const char **what)
{
	unsigned mode;

	*what = "in no sandbox";
	if (cap_getmode(&mode) == -1)
		return -1;
	errno = EPERM;
	return mode == 0 ? -1 : 0;
}

const struct sandbox_facts sandbox_os_facts = { true, "capsicum, rlimits",
    NULL };

/* Capability mode refuses calls, and kills by no signal but this one. */
const int sandbox_kill_signal = SIGTRAP;

/* Of dial, which is in no capability mode. */
#define FREE(name)	{ RIGHT_CONNECT, RIGHT_FORK, name }
#define ALL(name)	{ ~0U, 0, name }

const struct sandbox_permitted sandbox_beyond[] = {
	ALL("socket"), ALL("socket AF_UNIX"), ALL("socketpair"), ALL("setuid"),
	ALL("mmap PROT_EXEC"), ALL("memory above the limit"), ALL("write"),
	{ OWN_STATE, 0, "ftruncate" }, { OWN_STATE, 0, "listen" },
	{ OWN_STATE, 0, "accept" }, FREE("open"), FREE("create"),
	FREE("truncate"), FREE("ftruncate"), FREE("unlink"), FREE("link"),
	FREE("rename"), FREE("chmod"), FREE("chown"), FREE("clear O_APPEND"),
	FREE("listen"), FREE("accept"), FREE("kill"), FREE("execve"),
	{ 0, 0, NULL }
};
