/* Between the files of the sandbox.  Programs include sandbox_table.h. */
#ifndef SHARED_SANDBOX_OS_H
#define SHARED_SANDBOX_OS_H

#include <sys/types.h>

#include "shared/os/sandbox_table.h"

/*
 * 1, by the makefile, in a build for tests with a sanitizer: its runtime gets
 * more calls (Linux), and memory, of which it takes terabytes, has no limit.
 */
#ifndef SANDBOX_SANITIZED
#define SANDBOX_SANITIZED 0
#endif

/* Roles that parse no client's data may read and change their own state. */
#define OWN_STATE	(RIGHT_SERVE | RIGHT_FORK)

/*
 * Addresses that a process may use beside its memory: the program with its
 * libraries (7 MiB on Linux, or 9 if linked dynamically) and the stack; on
 * FreeBSD also what malloc(3) reserves.
 */
#ifdef __FreeBSD__
#define SANDBOX_IMAGE_MAX_BYTES	(64ULL * 1024 * 1024)
#else
#define SANDBOX_IMAGE_MAX_BYTES	(32ULL * 1024 * 1024)
#endif

/* The system's part of sandbox_enter, after the limits. */
int	sandbox_os_enter(enum sandbox_role role,
	    const struct sandbox_path *paths, size_t path_count,
	    const char **what);

/* What a probe works on, made by its process before it enters role. */
struct sandbox_things {
	enum sandbox_role	 role;
	int			 pair[2];	/* connected, AF_UNIX */
};

/*
 * A forbidden thing that sandbox_try tries, and that a unit test tries outside
 * any sandbox, where it must succeed.
 */
struct sandbox_probe {
	const char	*name;
	unsigned	 unless;	/* rights that allow it */
	bool		 elsewhere;	/* not even then, outside the paths */
	/* Or failed only because of its invalid arguments. */
	bool		(*succeeds)(const struct sandbox_things *);
};

enum sandbox_verdict {
	SANDBOX_SUCCEEDED,
	SANDBOX_REFUSED,
	SANDBOX_KILLED,
	SANDBOX_FAILED		/* the probe did not run; errno */
};

/* The signal that this sandbox kills with. */
extern const int sandbox_kill_signal;
bool	sandbox_confines_paths(enum sandbox_role role);
/*
 * What this sandbox cannot prevent for a role that has any of some rights, and
 * none of others; the last has no name.
 */
extern const struct sandbox_permitted {
	unsigned	 with, without;
	const char	*probe_name;
} sandbox_beyond[];

/* Rights beside enum sandbox_right that depend on how the program is built. */
#define RIGHT_LOADER	(1U << 16)	/* execute itself through ld.so */
#define RIGHT_SANITIZER	(1U << 17)	/* see SANDBOX_SANITIZED */

/* The role's rights: enum sandbox_right and, on Linux, those above. */
unsigned sandbox_os_rights(enum sandbox_role role);
#ifndef __linux__
#define sandbox_os_rights(role)		(sandbox_table[role].rights)
#define sandbox_confines_paths(role)	true
#endif

/* All of them, from the section that sandbox_probe.c lists them in. */
extern const struct sandbox_probe *const __start_sandbox_probes[],
    *const __stop_sandbox_probes[];
#define FOR_EACH_PROBE(p)						\
	for (const struct sandbox_probe *const *p = __start_sandbox_probes; \
	    p < __stop_sandbox_probes; p++)
/* Whether the probe must fail in role on this system. */
bool	sandbox_probe_applies(const struct sandbox_probe *probe,
	    enum sandbox_role role);
/* Runs one probe in a child of its own, which enters the role if held. */
enum sandbox_verdict sandbox_probe_run(const struct sandbox_probe *probe,
	    enum sandbox_role role, bool held);
/* 0; or -1, and *what succeeded or, with errno != 0, is a failed step. */
int	sandbox_probe_all(enum sandbox_role role, bool held,
	    const char **what);

#endif
