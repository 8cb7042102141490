/*
 * Paths, TCP and scopes by Landlock, as far as the running kernel knows
 * them.  The kernel's header may be older than the kernel, so its constants
 * are repeated here; Landlock promises that these numbers never change.
 */
#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "shared/os/sandbox_linux.h"

#define landlock_abi_known	7

/* linux/landlock.h, flags of landlock_create_ruleset and rule types */
#define create_ruleset_version	1U
#define rule_path_beneath	1
#define rule_net_port		2

/* linux/landlock.h, file system rights; of ABI 1 if not noted */
#define fs_execute	(1ULL << 0)
#define fs_write_file	(1ULL << 1)
#define fs_read_file	(1ULL << 2)
#define fs_read_dir	(1ULL << 3)
#define fs_remove_dir	(1ULL << 4)
#define fs_remove_file	(1ULL << 5)
#define fs_make_dir	(1ULL << 7)
#define fs_make_reg	(1ULL << 8)
#define fs_abi1_all	((1ULL << 13) - 1)
#define fs_refer	(1ULL << 13)	/* ABI 2 */
#define fs_truncate	(1ULL << 14)	/* ABI 3 */
#define fs_ioctl_dev	(1ULL << 15)	/* ABI 5 */

/* ABI 4 and 6 */
#define net_bind_tcp	(1ULL << 0)
#define net_connect_tcp	(1ULL << 1)
#define scope_abstract	(1ULL << 0)
#define scope_signal	(1ULL << 1)

/* struct landlock_path_beneath_attr, packed in the kernel's header too. */
struct __attribute__((packed)) rule {
	uint64_t	allowed;
	int32_t		parent_fd;
};

/* struct landlock_net_port_attr; port 0: any that the kernel chooses */
struct port_rule {
	uint64_t	allowed;
	uint64_t	port;
};

/* The ABI and, with each, what was added to the file system rights. */
static const uint64_t fs_added[landlock_abi_known + 1] = {
	0, fs_abi1_all, fs_refer, fs_truncate, 0, fs_ioctl_dev, 0, 0
};

int
sandbox_landlock_abi(void)
{
	static long abi = -1;

	if (abi == -1)
		abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0,
		    create_ruleset_version);
	if (abi < 1)
		return 0;
	return abi > landlock_abi_known ? landlock_abi_known : (int)abi;
}

/*
 * ABI 1 forbids links and renames between directories, which deliver mail:
 * there Landlock confines only roles without RIGHT_FILES.
 */
bool
sandbox_confines_paths(enum sandbox_role role)
{
	return sandbox_landlock_abi() >=
	    (sandbox_table[role].rights & RIGHT_FILES ? 2 : 1);
}

static uint64_t
fs_handled(void)
{
	uint64_t fs = 0;

	for (int abi = sandbox_landlock_abi(); abi > 0; abi--)
		fs |= fs_added[abi];
	return fs;
}

/* The rights of one path; rights for directories only if it is one. */
static uint64_t
path_rights(const struct sandbox_path *path, bool is_dir)
{
	uint64_t fs = fs_read_file;

	if (path->write == SANDBOX_ADD)
		return fs_write_file | (is_dir ? fs_make_reg : 0);
	if (path->exec)
		fs |= fs_execute;
	if (path->write == SANDBOX_CHANGE)
		fs |= fs_write_file | fs_truncate;
	if (is_dir)
		fs |= fs_read_dir;
	if (is_dir && path->write == SANDBOX_CHANGE)
		fs |= fs_remove_dir | fs_remove_file | fs_make_dir |
		    fs_make_reg | fs_refer;
	return fs & fs_handled();
}

static int
add_path(int ruleset, const struct sandbox_path *path)
{
	int fd = path->fd, saved, result;
	struct rule rule;
	struct stat st;

	if (fd == -1 && path->path != NULL)
		fd = open(path->path, O_PATH | O_CLOEXEC);
	if (fd == -1)
		return -1;
	result = fstat(fd, &st);
	if (result == 0) {
		rule.allowed = path_rights(path, S_ISDIR(st.st_mode));
		rule.parent_fd = fd;
		result = (int)syscall(SYS_landlock_add_rule, ruleset,
		    rule_path_beneath, &rule, 0U);
	}
	saved = errno;
	if (path->fd == -1)
		close(fd);
	errno = saved;
	return result;
}

static int
add_port(int ruleset, uint64_t allowed, uint16_t port)
{
	const struct port_rule rule = { allowed, port };

	return (int)syscall(SYS_landlock_add_rule, ruleset, rule_net_port,
	    &rule, 0U);
}

/* Sockets may be bound to an address, but to no port of this process's. */
static int
add_ports(int ruleset)
{
	if (add_port(ruleset, net_bind_tcp, 0) == -1)
		return -1;
	for (size_t i = 0; i < sandbox_port_count; i++)
		if (add_port(ruleset, net_connect_tcp, sandbox_ports[i]) == -1)
			return -1;
	return 0;
}

int
sandbox_landlock_ruleset(enum sandbox_role role,
    const struct sandbox_path *paths, size_t path_count, const char **what)
{
	/* struct landlock_ruleset_attr as ABI 6 has it: fs, net, scoped. */
	const uint64_t attr[] = { fs_handled(), net_bind_tcp | net_connect_tcp,
	    scope_abstract | scope_signal };
	int abi = sandbox_landlock_abi(), ruleset, result, saved;
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
	if (result == 0)
		return ruleset;
	saved = errno;
	close(ruleset);
	errno = saved;
	return -1;
}
