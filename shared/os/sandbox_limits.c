/*
 * Limits by setrlimit(2).  Inherited limits are not set again, as workers are
 * forked by the thousand.  The files named after operating systems forbid
 * calls and paths.
 */
#include <sys/mman.h>

#include "shared/os/sandbox_limits.h"

/* glibc declares an enum where the standard says int. */
#ifdef __GLIBC__
#define RESOURCE(r)	((__rlimit_resource_t)(r))
#else
#define RESOURCE(r)	(r)
#endif

/*
 * Skips a limit that is in force already: every child inherits it, and the
 * hard limit keeps it.
 */
static int
note(struct sandbox_limits *out, int resource, uint64_t max)
{
	struct rlimit now;

	if (getrlimit(RESOURCE(resource), &now) == -1)
		return -1;
	if (now.rlim_max <= max && now.rlim_cur == now.rlim_max)
		return 0;
	out->limit[out->count].resource = resource;
	out->limit[out->count].max = now.rlim_max < max ? now.rlim_max :
	    (rlim_t)max;
	out->count++;
	return 0;
}

int
sandbox_limits_note(struct sandbox_limits *out, enum sandbox_role role,
    uint64_t data_max_bytes, uint64_t address_max_bytes)
{
	const struct sandbox_line *line;

	line = &sandbox_table[role];
	out->count = 0;
	if (note(out, RLIMIT_CORE, 0) == -1)
		return -1;
	if (data_max_bytes != 0 &&
	    note(out, RLIMIT_DATA, data_max_bytes) == -1)
		return -1;
#ifdef RLIMIT_AS
	if (address_max_bytes != 0 &&
	    note(out, RLIMIT_AS, address_max_bytes) == -1)
		return -1;
#else
	(void)address_max_bytes;
#endif
	if (line->descriptors_max != 0 &&
	    note(out, RLIMIT_NOFILE, line->descriptors_max) == -1)
		return -1;
	if (line->no_fork && note(out, RLIMIT_NPROC, 0) == -1)
		return -1;
	return 0;
}

int
sandbox_limits_set(const struct sandbox_limits *limits)
{
	struct rlimit want;
	size_t i;

	for (i = 0; i < limits->count; i++) {
		want.rlim_cur = limits->limit[i].max;
		want.rlim_max = limits->limit[i].max;
		if (setrlimit(RESOURCE(limits->limit[i].resource), &want) == -1)
			return -1;
	}
	return 0;
}

int
sandbox_limit_file(uint64_t max_bytes)
{
	const struct rlimit want = { max_bytes, max_bytes };

	return setrlimit(RESOURCE(RLIMIT_FSIZE), &want);
}

/* Only Linux can lock each page at its first use. */
#ifndef MCL_ONFAULT
#define MCL_ONFAULT	0
#endif

bool
sandbox_lock(enum sandbox_role role)
{
	struct rlimit limit;

	/* All addresses count: the role's memory and at most 64 MiB more. */
	return getrlimit(RESOURCE(RLIMIT_MEMLOCK), &limit) == 0 &&
	    limit.rlim_cur >= sandbox_table[role].memory_max_bytes +
	    64ULL * 1024 * 1024 &&
	    mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0;
}
