/*
 * The sandbox on Linux: no new privileges, not dumpable, Landlock if the kernel
 * has it, and seccomp by the tables of sandbox_linux_calls.c.  libseccomp runs
 * once, in sandbox_prepare; a worker installs the finished program.
 */
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "shared/file.h"
#include "shared/os/sandbox_linux.h"

/* The filter of each prepared role. */
static struct sock_fprog programs[SANDBOX_ROLE_COUNT];

const int sandbox_kill_signal = SIGSYS;
const struct sandbox_permitted sandbox_beyond[] = { { 0, 0, NULL } };

/*
 * Rights of the filter in force, or 0.  A child cannot shed it, so its own says
 * only what differs: a third to be compiled by the kernel for each worker.
 */
static unsigned outer;

enum { program_max = 2048 };	/* instructions; 400 are usual */
#define refuse	SCMP_ACT_ERRNO(ENOSYS)

/* ---- system calls -------------------------------------------------------- */

unsigned
sandbox_os_rights(enum sandbox_role role)
{
	unsigned rights = sandbox_table[role].rights;

	/* An interpreter is mapped, so this program needs its loader. */
	if ((rights & RIGHT_FORK) && getauxval(AT_BASE) != 0)
		rights |= RIGHT_LOADER;
	if (SANDBOX_SANITIZED)
		rights |= RIGHT_SANITIZER;
	return rights;
}

static uint32_t
action_of(const struct sandbox_calls *group, unsigned rights)
{
	return rights & group->allow ? SCMP_ACT_ALLOW :
	    rights & group->spare ? refuse : SCMP_ACT_KILL_PROCESS;
}

/* What the default or the outer filter does needs no instructions. */
static int
add_calls(scmp_filter_ctx ctx, const struct sandbox_calls *group,
    unsigned rights)
{
	const uint32_t action = action_of(group, rights),
	    before = outer == 0 ? refuse : action_of(group, outer);
	int result = 0;

	for (size_t k = 0; result == 0 && action != before &&
	    k < group->count; k++)
		result = seccomp_rule_add_array(ctx, action, group->calls[k],
		    0, NULL);
	return result;
}

static bool
has_rule(unsigned rights, const struct sandbox_rule *r)
{
	return (rights & r->with) && !(rights & r->without);
}

/* libseccomp writes the program to a descriptor by one write(2). */
static int
export_program(scmp_filter_ctx ctx, enum sandbox_role role)
{
	static struct sock_filter code[SANDBOX_ROLE_COUNT][program_max];
	ssize_t size = 0;
	int ends[2], result;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0, ends) == -1)
		return -errno;
	result = seccomp_export_bpf(ctx, ends[0]);
	if (result == 0)
		size = read(ends[1], code[role], sizeof(code[role]));
	close(ends[0]);
	close(ends[1]);
	/* A program that fills the buffer may have been cut. */
	if (size <= 0 || (size_t)size == sizeof(code[role]))
		return result != 0 ? result : -E2BIG;
	programs[role] = (struct sock_fprog){ .filter = code[role],
	    .len = (unsigned short)((size_t)size / sizeof(code[role][0])) };
	return 0;
}

/*
 * A call by another convention (32-bit, x32) is an attack.  A binary tree takes
 * less time to install: the kernel then runs the program for each call number.
 * As libseccomp does, returns a negative errno.
 */
static int
compile(scmp_filter_ctx ctx, enum sandbox_role role)
{
	const unsigned rights = sandbox_os_rights(role);
	int result = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
	    SCMP_ACT_KILL_PROCESS);

	if (result == 0)
		result = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (size_t i = 0; result == 0 && i < sandbox_calls_count; i++)
		result = add_calls(ctx, &sandbox_calls[i], rights);
	for (const struct sandbox_rule *r = sandbox_rules; result == 0 &&
	    r < sandbox_rules + sandbox_rules_count; r++)
		if (has_rule(rights, r) != has_rule(outer, r))
			result = seccomp_rule_add_array(ctx, r->kill ?
			    SCMP_ACT_KILL_PROCESS : has_rule(rights, r) ?
			    SCMP_ACT_ALLOW : refuse, r->call, r->count,
			    r->args);
	return result != 0 ? result : export_program(ctx, role);
}

int
sandbox_prepare(enum sandbox_role role, const char **what)
{
	scmp_filter_ctx ctx = seccomp_init(outer == 0 ? refuse :
	    SCMP_ACT_ALLOW);
	int result = ctx == NULL ? -ENOMEM : compile(ctx, role);

	*what = "seccomp filter";
	seccomp_release(ctx);
	errno = -result;
	return result == 0 ? 0 : -1;
}

/* ---- paths, TCP and scopes ---------------------------------------------- */

/*
 * Landlock, as far as the running kernel knows it.  Its header may be older, so
 * what came after ABI 1 is repeated here: these numbers never change.
 */
#define fs_abi1_all		((1ULL << 13) - 1)
#define fs_refer		(1ULL << 13)	/* ABI 2 */
#define fs_truncate		(1ULL << 14)	/* ABI 3 */
#define fs_ioctl_dev		(1ULL << 15)	/* ABI 5 */
#define rule_net_port		2		/* ABI 4, with: */
#define net_bind_tcp		(1ULL << 0)
#define net_connect_tcp		(1ULL << 1)
#define scope_abstract		(1ULL << 0)	/* ABI 6 */
#define scope_signal		(1ULL << 1)

/* struct landlock_net_port_attr; port 0: any that the kernel chooses */
struct port_rule {
	uint64_t	allowed;
	uint64_t	port;
};

int
sandbox_landlock_abi(void)
{
	static long abi = -1;

	if (abi == -1)
		abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0,
		    LANDLOCK_CREATE_RULESET_VERSION);
	return abi < 1 ? 0 : (int)abi;
}

/*
 * ABI 1 forbids links and renames between directories, which deliver mail:
 * there Landlock confines only roles without RIGHT_SERVE.
 */
bool
sandbox_confines_paths(enum sandbox_role role)
{
	return sandbox_landlock_abi() >=
	    (sandbox_table[role].rights & RIGHT_SERVE ? 2 : 1);
}

static uint64_t
fs_handled(void)
{
	int abi = sandbox_landlock_abi();

	return fs_abi1_all | (abi >= 2 ? fs_refer : 0) |
	    (abi >= 3 ? fs_truncate : 0) | (abi >= 5 ? fs_ioctl_dev : 0);
}

/* The rights of one path; rights for directories only if it is one. */
static uint64_t
path_rights(const struct sandbox_path *path, bool is_dir)
{
	uint64_t fs = LANDLOCK_ACCESS_FS_READ_FILE;

	if (path->write == SANDBOX_ADD)
		return LANDLOCK_ACCESS_FS_WRITE_FILE |
		    (is_dir ? LANDLOCK_ACCESS_FS_MAKE_REG : 0);
	if (path->exec)
		fs |= LANDLOCK_ACCESS_FS_EXECUTE;
	if (path->write == SANDBOX_CHANGE)
		fs |= LANDLOCK_ACCESS_FS_WRITE_FILE | fs_truncate;
	if (is_dir)
		fs |= LANDLOCK_ACCESS_FS_READ_DIR;
	if (is_dir && path->write == SANDBOX_CHANGE)
		fs |= LANDLOCK_ACCESS_FS_REMOVE_DIR |
		    LANDLOCK_ACCESS_FS_REMOVE_FILE |
		    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
		    fs_refer;
	return fs & fs_handled();
}

static int
add_path(int ruleset, const struct sandbox_path *path)
{
	int fd = path->fd, result;
	struct landlock_path_beneath_attr rule;
	struct stat st;

	if (fd == -1 && path->path != NULL)
		fd = open(path->path, O_PATH | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &st) == -1)
		return -1;
	rule.allowed_access = path_rights(path, S_ISDIR(st.st_mode));
	rule.parent_fd = fd;
	result = (int)syscall(SYS_landlock_add_rule, ruleset,
	    LANDLOCK_RULE_PATH_BENEATH, &rule, 0U);
	if (path->fd == -1)
		file_close(fd);
	return result;
}

static const uint16_t *ports;
static size_t port_count;

void
sandbox_let_connect(const uint16_t *to, size_t count)
{
	ports = to;
	port_count = count;
}

/* Sockets may be bound to an address, but to no port of this process's. */
static int
add_ports(int ruleset)
{
	struct port_rule rule = { net_bind_tcp, 0 };
	long result = syscall(SYS_landlock_add_rule, ruleset, rule_net_port,
	    &rule, 0U);

	rule.allowed = net_connect_tcp;
	for (size_t i = 0; result == 0 && i < port_count; i++) {
		rule.port = ports[i];
		result = syscall(SYS_landlock_add_rule, ruleset, rule_net_port,
		    &rule, 0U);
	}
	return (int)result;
}

/*
 * Handles all rights that this kernel knows, and allows only paths and, with
 * RIGHT_CONNECT, the ports of sandbox_let_connect.
 */
static int
restrict_paths(enum sandbox_role role, const struct sandbox_path *paths,
    size_t path_count, const char **what)
{
	/* struct landlock_ruleset_attr as ABI 6 has it: fs, net, scoped. */
	const uint64_t attr[] = { fs_handled(), net_bind_tcp | net_connect_tcp,
	    scope_abstract | scope_signal };
	int abi = sandbox_landlock_abi(), ruleset, result;
	size_t size = abi >= 6 ? 3 : abi >= 4 ? 2 : 1;

	*what = "landlock_create_ruleset";
	ruleset = (int)syscall(SYS_landlock_create_ruleset, attr,
	    size * sizeof(attr[0]), 0U);
	if (ruleset == -1)
		return -1;
	*what = "landlock_add_rule";
	result = size < 2 || !(sandbox_table[role].rights & RIGHT_CONNECT) ?
	    0 : add_ports(ruleset);
	for (size_t i = 0; result == 0 && i < path_count; i++) {
		*what = paths[i].path != NULL ? paths[i].path :
		    "path descriptor";
		result = add_path(ruleset, &paths[i]);
	}
	if (result == 0) {
		*what = "landlock_restrict_self";
		result = (int)syscall(SYS_landlock_restrict_self, ruleset, 0U);
	}
	file_close(ruleset);
	return result;
}

/* ---- all of it ---------------------------------------------------------- */

int
sandbox_os_enter(enum sandbox_role role, const struct sandbox_path *paths,
    size_t path_count, const char **what)
{
	*what = "prctl";
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return -1;
	if (sandbox_confines_paths(role) &&
	    restrict_paths(role, paths, path_count, what) == -1)
		return -1;
	*what = "seccomp";
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0U,
	    &programs[role]) == -1)
		return -1;
	/* For children; with a loader's rules more would differ than less. */
	if ((sandbox_os_rights(role) & (RIGHT_FORK | RIGHT_LOADER)) ==
	    RIGHT_FORK)
		outer = sandbox_os_rights(role);
	return 0;
}

/* Only under a role's filter does getpriority(2) fail with ENOSYS. */
int
sandbox_resume(enum sandbox_role role, const struct sandbox_path *paths,
    size_t path_count, const char **what)
{
	*what = "in no sandbox";
	errno = 0;
	if (syscall(SYS_getpriority, PRIO_PROCESS, 0) != -1 ||
	    errno != ENOSYS ||
	    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) {
		errno = EPERM;
		return -1;
	}
	*what = "PR_SET_DUMPABLE";
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

const struct sandbox_facts *
sandbox_facts(void)
{
	static struct sandbox_facts facts = { false, "no seccomp in this "
	    "kernel", "no seccomp in this kernel: only its user confines a "
	    "process" };
	static char parts[128];
	const uint32_t kill = SECCOMP_RET_KILL_PROCESS;
	char landlock[40] = "no landlock in this kernel";
	int abi = sandbox_landlock_abi();

	if (facts.exists || syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0U,
	    &kill) != 0)
		return &facts;
	if (abi > 0)
		snprintf(landlock, sizeof(landlock), "landlock %d%s", abi,
		    abi == 1 ? " (not the master)" : "");
	snprintf(parts, sizeof(parts), "seccomp, %s, rlimits%s", landlock,
	    SANDBOX_SANITIZED ? " (sanitizer build: weaker)" : "");
	facts.exists = true;
	facts.parts = parts;
	facts.lacks = abi == 0 ? "no Landlock in this kernel: the master can "
	    "open all files that its user can; kernels from 5.19 on have "
	    "Landlock, if the boot parameter lsm= names it" : abi == 1 ?
	    "Landlock has ABI 1, which cannot confine the master's paths; "
	    "kernels from 5.19 on can" : NULL;
	return &facts;
}
