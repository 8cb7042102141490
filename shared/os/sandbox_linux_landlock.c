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

/* struct landlock_ruleset_attr as ABI 6 has it. */
struct ruleset {
	uint64_t	fs;
	uint64_t	net;
	uint64_t	scoped;
};

/* struct landlock_path_beneath_attr, packed in the kernel's header too. */
struct __attribute__((packed)) rule {
	uint64_t	allowed;
	int32_t		parent_fd;
};

int
sandbox_landlock_abi(void)
{
	long abi;

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
sandbox_landlock_holds(enum sandbox_role role)
{
	int abi;

	abi = sandbox_landlock_abi();
	if (sandbox_table[role].rights & RIGHT_FILES)
		return abi >= 2;
	return abi >= 1;
}

static uint64_t
fs_handled(int abi)
{
	uint64_t fs;

	fs = fs_abi1_all;
	if (abi >= 2)
		fs |= fs_refer;
	if (abi >= 3)
		fs |= fs_truncate;
	if (abi >= 5)
		fs |= fs_ioctl_dev;
	return fs;
}

/* The rights of one path; rights for directories only if it is one. */
static uint64_t
path_rights(const struct sandbox_path *path, bool is_dir, int abi)
{
	uint64_t fs;

	if (path->write == SANDBOX_ADD)
		return fs_write_file | (is_dir ? fs_make_reg : 0);
	fs = fs_read_file;
	if (path->exec)
		fs |= fs_execute;
	if (path->write == SANDBOX_CHANGE)
		fs |= fs_write_file | fs_truncate;
	if (is_dir)
		fs |= fs_read_dir;
	if (is_dir && path->write == SANDBOX_CHANGE)
		fs |= fs_remove_dir | fs_remove_file | fs_make_dir |
		    fs_make_reg | fs_refer;
	return fs & fs_handled(abi);
}

static int
add_path(int ruleset, const struct sandbox_path *path, int abi,
    const char **what)
{
	struct stat st;
	struct rule rule;
	int fd, saved, result;

	fd = path->fd;
	if (fd == -1)
		fd = open(path->path, O_PATH | O_CLOEXEC);
	*what = path->path != NULL ? path->path : "path descriptor";
	if (fd == -1)
		return -1;
	result = fstat(fd, &st);
	if (result == 0) {
		rule.allowed = path_rights(path, S_ISDIR(st.st_mode), abi);
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

int
sandbox_landlock_ruleset(const struct sandbox_path *paths, size_t path_count,
    const char **what)
{
	struct ruleset attr;
	size_t i, size;
	int abi, ruleset, saved;

	abi = sandbox_landlock_abi();
	attr.fs = fs_handled(abi);
	attr.net = net_bind_tcp | net_connect_tcp;
	attr.scoped = scope_abstract | scope_signal;
	size = sizeof(attr.fs);
	if (abi >= 4)
		size += sizeof(attr.net);
	if (abi >= 6)
		size += sizeof(attr.scoped);
	*what = "landlock_create_ruleset";
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0U);
	if (ruleset == -1)
		return -1;
	for (i = 0; i < path_count; i++) {
		if (add_path(ruleset, &paths[i], abi, what) == -1) {
			saved = errno;
			close(ruleset);
			errno = saved;
			return -1;
		}
	}
	return ruleset;
}

int
sandbox_landlock_restrict(int ruleset, const char **what)
{
	*what = "landlock_restrict_self";
	return (int)syscall(SYS_landlock_restrict_self, ruleset, 0U);
}
