/*
 * The limit of open descriptors, raised before privileges are given up.
 */
#include "server/session/descriptors.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "shared/log.h"

enum {
	waiting_least = 256,	/* however few workers there are */
	waiting_most = 1024,
	descriptors_beside = 128,	/* besides two for each worker */
	descriptors_wanted = 65536
};

uint64_t
descriptors_to_wait(const struct conf *conf)
{
	if (conf->limits.workers < waiting_least)
		return waiting_least;
	return conf->limits.workers < waiting_most ? conf->limits.workers :
	    waiting_most;
}

/* Linux also counts descriptors under way on channels against the limit. */
uint64_t
descriptors_needed(const struct conf *conf)
{
	return conf->limits.workers * 2 + descriptors_to_wait(conf) +
	    descriptors_beside;
}

bool
descriptors_suffice(const struct conf *conf)
{
	struct rlimit r;

	return getrlimit(RLIMIT_NOFILE, &r) == 0 &&
	    r.rlim_cur >= descriptors_needed(conf);
}

void
descriptors_raise(const struct conf *conf)
{
	rlim_t need = descriptors_needed(conf);
	struct rlimit r, more = { descriptors_wanted, descriptors_wanted };

	if (getrlimit(RLIMIT_NOFILE, &r) == -1)
		fatal("getrlimit: %s", strerror(errno));
	if (need > descriptors_wanted)
		more.rlim_cur = more.rlim_max = need;
	/* Root may raise the hard limit, but not on every host. */
	if (r.rlim_max < more.rlim_max &&
	    setrlimit(RLIMIT_NOFILE, &more) == 0)
		return;
	if (r.rlim_max < need)
		fatal("\"workers %llu\" needs %llu descriptors, and this "
		    "process may have %llu: raise ulimit -n, or lower it in "
		    "limits", (unsigned long long)conf->limits.workers,
		    (unsigned long long)need,
		    (unsigned long long)r.rlim_max);
	r.rlim_cur = r.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &r) == -1)
		fatal("setrlimit: %s", strerror(errno));
}
