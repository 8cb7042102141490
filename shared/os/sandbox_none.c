/*
 * For unknown systems: there is no sandbox.  sandbox_exists says so at start,
 * and sandbox_enter fails.
 */
#include <errno.h>

#include "shared/os/sandbox_table.h"

int
sandbox_prepare(enum sandbox_role role, const char **what)
{
	(void)role;
	*what = "no sandbox in this build";
	errno = ENOSYS;
	return -1;
}

int
sandbox_enter(enum sandbox_role role, const struct sandbox_path *paths,
    size_t path_count, const char **what)
{
	(void)paths;
	(void)path_count;
	return sandbox_prepare(role, what);
}

int
sandbox_resume(enum sandbox_role role, const struct sandbox_path *paths,
    size_t path_count, const char **what)
{
	return sandbox_enter(role, paths, path_count, what);
}

bool
sandbox_lock(enum sandbox_role role)
{
	(void)role;
	return false;
}

bool
sandbox_exists(void)
{
	return false;
}

const char *
sandbox_describe(void)
{
	return "none in this build";
}

const char *
sandbox_lacks(void)
{
	return "this build has no sandbox, so no process is held by anything "
	    "but its user";
}

int
sandbox_self_test(enum sandbox_role role, const char **what)
{
	return sandbox_prepare(role, what);
}
