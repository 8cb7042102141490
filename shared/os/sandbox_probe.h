/*
 * The forbidden things that sandbox_self_test tries, one table for all
 * systems and one of the system's own.  Unit tests run the same table
 * outside any sandbox, where each thing must succeed: so a probe that
 * could not notice anything is itself noticed.
 */
#ifndef SHARED_SANDBOX_PROBE_H
#define SHARED_SANDBOX_PROBE_H

#include <sys/types.h>

#include "shared/os/sandbox_table.h"

/* What the probes work on, made before anything is entered. */
struct sandbox_things {
	enum sandbox_role	 role;
	int			 pair[2];	/* connected, AF_UNIX */
	pid_t			 parent;
	uid_t			 uid;
};

struct sandbox_probe {
	const char	*name;
	unsigned	 unless;	/* rights with which it is allowed */
	bool		 elsewhere;	/* with them too, outside the paths */
	/* True when the forbidden thing was done, or only failed because
	   it was asked for with nonsense. */
	bool		(*succeeds)(const struct sandbox_things *);
};

enum sandbox_verdict {
	SANDBOX_SUCCEEDED,
	SANDBOX_REFUSED,
	SANDBOX_KILLED,
	SANDBOX_FAILED		/* the probe could not be made; errno */
};

extern const struct sandbox_probe sandbox_probes[];
extern const size_t sandbox_probes_count;

/* Of the system: its own probes; the signal its sandbox kills with. */
extern const struct sandbox_probe sandbox_probes_os[];
extern const size_t sandbox_probes_os_count;
extern const int sandbox_kill_signal;
/* Whether a role's paths are held here, and what no sandbox here holds. */
bool	sandbox_confines_paths(enum sandbox_role role);
bool	sandbox_beyond(const char *probe_name, enum sandbox_role role);

/* False, if the last call failed as a sandbox makes calls fail. */
bool	sandbox_reached(long result);
/* A probe that is one call; its things are t. */
#define TRY(name, call)							\
	static bool							\
	try_##name(const struct sandbox_things *t)			\
	{								\
		(void)t;						\
		return sandbox_reached(call);				\
	}
/* Whether role must not be able to do it, on this system. */
bool	sandbox_probe_applies(const struct sandbox_probe *probe,
	    enum sandbox_role role);
/* 0, or -1 with errno and *what. */
int	sandbox_things_open(struct sandbox_things *out,
	    enum sandbox_role role, const char **what);
void	sandbox_things_close(struct sandbox_things *things);
/* One probe in a child of its own, which enters the role only if held. */
enum sandbox_verdict sandbox_probe_run(const struct sandbox_probe *probe,
	    const struct sandbox_things *things, bool held);
/*
 * sandbox_self_test, which is this with held.  Without, no child enters the
 * role, so that a test sees the self-test fail.
 */
int	sandbox_probe_all(enum sandbox_role role, bool held,
	    const char **what);

#endif
