/*
 * For unknown systems: there is no sandbox.  sandbox_facts says so at start,
 * and sandbox_prepare fails.
 */
#include <errno.h>

#include "shared/os/sandbox_os.h"

int
sandbox_os_prepare(enum sandbox_role role, const char **what)
{
	*what = "no sandbox in this build";
	errno = ENOSYS;
	return -1;
}

int
sandbox_os_enter(enum sandbox_role role, const struct sandbox_path *paths,
    size_t path_count, const char **what)
{
	return sandbox_os_prepare(role, what);
}

int
sandbox_resume(enum sandbox_role role, const struct sandbox_path *paths,
    size_t path_count, const char **what)
{
	return sandbox_os_enter(role, paths, path_count, what);
}

const char *
sandbox_try(enum sandbox_role role, bool proved)
{
	return sandbox_facts()->parts;
}

const struct sandbox_facts *
sandbox_facts(void)
{
	static const struct sandbox_facts facts = { false,
	    "none in this build", "this build has no sandbox: only its user "
	    "confines a process" };

	return &facts;
}
