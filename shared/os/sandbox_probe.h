/*
 * The forbidden things that sandbox_self_test tries: a table for all systems
 * and one for this system.  Unit tests run the same tables outside any
 * sandbox, where each must succeed: so they find a probe that never can.
 */
#ifndef SHARED_SANDBOX_PROBE_H
#define SHARED_SANDBOX_PROBE_H

#include <sys/types.h>

#include "shared/os/sandbox_table.h"

/* What the probes work on, made before a role is entered. */
struct sandbox_things {
	enum sandbox_role	 role;
	int			 pair[2];	/* connected, AF_UNIX */
	pid_t			 parent;
	uid_t			 uid;
};

struct sandbox_probe {
	const char	*name;
	unsigned	 unless;	/* rights that allow it */
	bool		 elsewhere;	/* not even then, outside the paths */
	/* True if the forbidden call succeeded, or only failed because of
	   its invalid arguments. */
	bool		(*succeeds)(const struct sandbox_things *);
};

enum sandbox_verdict {
	SANDBOX_SUCCEEDED,
	SANDBOX_REFUSED,
	SANDBOX_KILLED,
	SANDBOX_FAILED		/* the probe did not run; errno */
};

extern const struct sandbox_probe sandbox_probes[];
extern const size_t sandbox_probes_count;

/* This system's own probes, and the signal its sandbox kills with. */
extern const struct sandbox_probe sandbox_probes_os[];
extern const size_t sandbox_probes_os_count;
extern const int sandbox_kill_signal;
/* Whether role's paths are confined; what this sandbox cannot prevent. */
bool	sandbox_confines_paths(enum sandbox_role role);
bool	sandbox_beyond(const char *probe_name, enum sandbox_role role);

/* False if the last call failed with an errno of a sandbox. */
bool	sandbox_reached(long result);
/* Defines a probe that is one call, which may use t. */
#define TRY(name, call)							\
	static bool							\
	try_##name(const struct sandbox_things *t)			\
	{								\
		(void)t;						\
		return sandbox_reached(call);				\
	}
/* Whether the probe must fail in role on this system. */
bool	sandbox_probe_applies(const struct sandbox_probe *probe,
	    enum sandbox_role role);
/* 0, or -1 with errno and *what. */
int	sandbox_things_open(struct sandbox_things *out,
	    enum sandbox_role role, const char **what);
void	sandbox_things_close(struct sandbox_things *things);
/* Runs one probe in a child of its own, which enters the role if held. */
enum sandbox_verdict sandbox_probe_run(const struct sandbox_probe *probe,
	    const struct sandbox_things *things, bool held);
/*
 * With held, the same as sandbox_self_test.  Without, no child enters the
 * role, so that a test sees the self-test fail.
 */
int	sandbox_probe_all(enum sandbox_role role, bool held,
	    const char **what);

#endif
