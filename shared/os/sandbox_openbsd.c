/*
 * The sandbox on OpenBSD: limits, unveil(2), pledge(2).  What pledge does not
 * prevent (sandbox_beyond): "stdio" includes write(2), ftruncate(2) and
 * fcntl(F_SETFL); "proc" includes kill(2) of processes of the same user; "inet"
 * includes socket, bind, listen, accept and connect.
 *
 * What a nursery or the keeper executes is held from its first instruction, by
 * the same promises (execpromises), and keeps what is unveiled.
 */
#include <sys/resource.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/os/sandbox_os.h"

#define promises_max_bytes	128

/* Every role has the first; stdio has sendsyslog(2). */
static const struct {
	unsigned	 right;
	const char	*words;
} promise_table[] = {
	{ RIGHT_IO | RIGHT_SYNC | RIGHT_CONNECT, "stdio recvfd sendfd" },
	{ RIGHT_SERVE | RIGHT_CONNECT, " inet" },
	{ RIGHT_SERVE, " rpath wpath cpath flock" },
	{ RIGHT_FORK, " proc exec" }
};

/* The first unveil hides everything else. */
static int
unveil_paths(const struct sandbox_path *paths, size_t path_count,
    const char **what)
{
	for (const struct sandbox_path *p = paths; p < paths + path_count;
	    p++) {
		*what = "unveil needs a path, not a descriptor";
		errno = EINVAL;
		if (p->path == NULL)
			return -1;
		*what = p->path;
		if (unveil(p->path, p->write == SANDBOX_ADD ? "wc" :
		    p->write == SANDBOX_CHANGE ? "rwc" :
		    p->exec ? "rx" : "r") == -1)
			return -1;
	}
	*what = "unveil";
	if (path_count == 0 && unveil("/", "") == -1)
		return -1;
	return unveil(NULL, NULL);
}

int
sandbox_resume(enum sandbox_role role, const struct sandbox_path *paths,
    size_t path_count, const char **what)
{
	const size_t n = sizeof(promise_table) / sizeof(promise_table[0]);
	unsigned rights = sandbox_table[role].rights;
	char promises[promises_max_bytes] = "";

	*what = "pledge";
	errno = E2BIG;
	for (size_t i = 0; i < n; i++)
		if ((rights & promise_table[i].right) && strlcat(promises,
		    promise_table[i].words, sizeof(promises)) >=
		    sizeof(promises))
			return -1;
	return pledge(promises, promises);
}

/* A worker may not unveil any more: no promise of its role opens files. */
int
sandbox_os_enter(enum sandbox_role role, const struct sandbox_path *paths,
    size_t path_count, const char **what)
{
	if ((sandbox_table[role].rights & (RIGHT_SERVE | RIGHT_FORK)) &&
	    unveil_paths(paths, path_count, what) == -1)
		return -1;
	return sandbox_resume(role, paths, path_count, what);
}

const struct sandbox_facts sandbox_os_facts = { true,
    "pledge, unveil, rlimits", NULL };

const int sandbox_kill_signal = SIGABRT;

#define STDIO	(RIGHT_IO | RIGHT_SYNC | RIGHT_CONNECT)
#define INET	(RIGHT_SERVE | RIGHT_CONNECT)

const struct sandbox_permitted sandbox_beyond[] = {
	{ STDIO, 0, "write" }, { STDIO, 0, "ftruncate" },
	{ STDIO, 0, "clear O_APPEND" }, { STDIO, 0, "socketpair" },
	{ RIGHT_FORK, 0, "kill" }, { INET, 0, "socket" }, { INET, 0, "bind" },
	{ INET, 0, "listen" }, { INET, 0, "connect" }, { INET, 0, "accept" },
	{ 0, 0, NULL }
};
