/*
 * The table of what each role may do, and what is done alike on all systems:
 * the limits of a role.
 */
#include <sys/mman.h>
#include <sys/resource.h>

#include <errno.h>

#include "shared/os/sandbox_os.h"

/* Enough for a TLS session and a few line buffers, never for a message. */
#define worker_memory	(16ULL * 1024 * 1024)
/* The table of passwords and the costliest hash (shared/password_form.h). */
#define auth_memory	(512ULL * 1024 * 1024)

/*
 * A worker runs in the nursery's sandbox and in its own within that, so the
 * nursery has all rights and the memory limit of a worker.  Its limit of
 * descriptors is high, since Linux counts its user's in transit against it.  A
 * worker's are its channel, the client's socket, two spool files, and perhaps
 * standard input, output and error; or, if it resolves, a socket for each name.
 */
const struct sandbox_line sandbox_table[SANDBOX_ROLE_COUNT] = {
	[SANDBOX_MASTER] = { "master", RIGHT_IO | RIGHT_SYNC | RIGHT_SERVE,
	    0, 0 },
	[SANDBOX_NURSERY] = { "nursery", RIGHT_IO | RIGHT_SYNC | RIGHT_FORK,
	    worker_memory, 4096 },
	[SANDBOX_SMTP] = { "smtp", RIGHT_IO | RIGHT_SYNC, worker_memory, 144 },
	[SANDBOX_SIGN] = { "sign", RIGHT_IO, worker_memory, 8 },
	[SANDBOX_AUTH] = { "auth", RIGHT_IO, auth_memory, 8 },
	/* An attacker in it could only sync, or pretend to have synced. */
	[SANDBOX_DISK] = { "disk", RIGHT_SYNC, worker_memory, 8 },
	/* It writes to the descriptor it is sent, the open log file. */
	[SANDBOX_LOGGER] = { "logger", RIGHT_IO, worker_memory, 8 },
	/*
	 * It can send through its sockets, but not read.  Descriptors that the
	 * master has in flight count against its limit, too.
	 */
	[SANDBOX_DIAL] = { "dial", RIGHT_CONNECT, worker_memory, 4096 },
	/* Helpers that it forks inherit its sandbox: it has their rights. */
	[SANDBOX_KEEPER] = { "keeper", RIGHT_IO | RIGHT_SYNC | RIGHT_FORK |
	    RIGHT_CONNECT, auth_memory, 4096 }
};

/* glibc declares an enum where the standard says int. */
#ifdef __GLIBC__
#define RESOURCE(r)	((__rlimit_resource_t)(r))
#else
#define RESOURCE(r)	(r)
#endif

static int
limit(int resource, uint64_t max)
{
	struct rlimit want;

	if (getrlimit(RESOURCE(resource), &want) == -1)
		return -1;
	if ((uint64_t)want.rlim_max > max)
		want.rlim_max = (rlim_t)max;
	want.rlim_cur = want.rlim_max;
	return setrlimit(RESOURCE(resource), &want);
}

int
sandbox_enter(enum sandbox_role role, const struct sandbox_path *paths,
    size_t path_count, const char **what)
{
	const struct sandbox_line *line = &sandbox_table[role];
	uint64_t memory = SANDBOX_SANITIZED ? 0 : line->memory_max_bytes;

	*what = "paths";
	errno = EINVAL;
	if (path_count != 0 && !(line->rights & (RIGHT_SERVE | RIGHT_FORK)))
		return -1;
	*what = "setrlimit";
	if (limit(RLIMIT_CORE, 0) == -1 ||
	    (memory != 0 && limit(RLIMIT_DATA, memory) == -1) ||
#ifdef RLIMIT_AS
	    (memory != 0 && limit(RLIMIT_AS, memory +
	    SANDBOX_IMAGE_MAX_BYTES) == -1) ||
#endif
	    (line->descriptors_max != 0 &&
	    limit(RLIMIT_NOFILE, line->descriptors_max) == -1) ||
	    (!(line->rights & RIGHT_FORK) && limit(RLIMIT_NPROC, 0) == -1))
		return -1;
	return sandbox_os_enter(role, paths, path_count, what);
}

int
sandbox_limit_file(uint64_t max_bytes)
{
	return limit(RLIMIT_FSIZE, max_bytes);
}

/* Only Linux can lock each page at its first use. */
#ifndef MCL_ONFAULT
#define MCL_ONFAULT	0
#endif

bool
sandbox_lock(enum sandbox_role role)
{
	struct rlimit limit;

#ifdef __OpenBSD__
	/* No promise allows mlockall(2), and the swap area is encrypted. */
	return false;
#endif
	/* All addresses count: the role's memory and at most 64 MiB more. */
	return getrlimit(RESOURCE(RLIMIT_MEMLOCK), &limit) == 0 &&
	    (uint64_t)limit.rlim_cur >=
	    sandbox_table[role].memory_max_bytes +
	    64ULL * 1024 * 1024 &&
	    mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0;
}
