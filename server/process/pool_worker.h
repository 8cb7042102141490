/*
 * What the family of pool.c, pool_worker.c and nursery.c knows of workers and
 * their parents, and nobody else.
 */
#ifndef SERVER_POOL_WORKER_H
#define SERVER_POOL_WORKER_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/queue.h>

#include "server/process/feed.h"
#include "server/process/nursery.h"
#include "server/process/tls_files.h"

/*
 * One worker process, from its birth until its nursery says that it has
 * ended: what became of its channel proves nothing.
 */
struct worker {
	TAILQ_ENTRY(worker)		 entry;
	struct master			*master;
	struct nursery			*nursery;	/* its parent */
	struct event			 readable;
	struct event			 paused;	/* see pool_pause() */
	int				 channel;
	pid_t				 pid;
	uint64_t			 served;	/* times it was lent */
	unsigned			 generation;	/* of the nursery's
							   settings and image */
	struct tls_files		*tls;		/* it serves by;
							   NULL: given up */
	enum ipc_when			 when;
	const struct worker_use		*use;		/* now or last */
	void				*owner;		/* NULL: none now */
	bool				 was_lent;	/* last is written */
	uint8_t				 last[pool_last_bytes];
	int64_t				 evicted_ms;	/* 0: it may go on */
	unsigned			 stresses;	/* since it spoke */
	bool				 exited;	/* as its nursery says;
							   or that is gone */
	int64_t				 left_ms;	/* was given up; or 0 */
	const char			*killed;	/* by us, and why;
							   "": it is not to
							   blame for that */
};
TAILQ_HEAD(worker_list, worker);

enum nursery_state {
	NURSERY_NONE,		/* no process */
	NURSERY_STARTING,	/* waiting for READY */
	NURSERY_READY
};

/* One nursery works, the second stands by to replace it. */
struct nursery {
	struct master		*master;
	struct event		 readable;
	int			 channel;
	enum nursery_state	 state;
	unsigned		 settings_due, tries_due, siblings_due;
	unsigned		 strangers;	/* children without a worker */
	int64_t			 asked_ms;	/* silent since; 0: may be */
	struct feed		 feed;
	unsigned		 due;		/* to be sent: of enum tell */
	struct tls_cursor	 telling;	/* certificates */
	pid_t			 pid;		/* as it says; 0: not yet */
	char			 sandbox[ipc_text_bytes];
};

struct pool {
	const struct worker_use *const *uses;
	struct nursery		 nurseries[nursery_count];
	struct nursery		*active;
	unsigned		 generation;
	struct worker_list	 idle;
	struct worker_list	 busy;
	struct worker_list	 leaving;	/* given up, not ended yet */
	struct pool_count	 count;
	uint64_t		 heard;		/* records of workers */
	bool			 starved;	/* since the last tick */
	unsigned		 unused_losses;	/* idle workers, in a row */
	int64_t			 no_spawn_until_ms;
	int64_t			 next_breed_ms;
	struct event		 tick;
	/* See nursery_try(). */
	const struct tls_files	*trial;		/* NULL: there is none */
	nursery_tried		*tried;
	struct nursery		*trying;	/* has it; NULL: none yet */
	bool			 started;	/* a nursery lost is no fault */
	char			 failed[ipc_text_bytes + 40]; /* of a start */
};

/* Asks for the workers that are missing. */
void	pool_ask(struct master *m);
/* Idle workers of older settings, or an older image, go. */
void	pool_retire_idle(struct master *m);
/* Offers idle workers to the uses, as long as there are some. */
void	pool_offer(struct master *m);
/* How many owners wait for a worker. */
uint64_t pool_waiting(const struct master *m);
/*
 * A worker was born of n; channel is the pool's now.  Not fresh: of an image
 * that has been renewed since, so its channel is closed.
 */
void	pool_newborn(struct nursery *n, pid_t pid, int channel, bool fresh);
/* count workers that were asked for will not come; why is logged. */
void	pool_stillborn(struct master *m, uint64_t count, const char *why);
/*
 * Child pid of n has ended; status of waitpid(2), 0: in order.  False: n bore
 * no such child, or has told of its end before.
 */
bool	pool_died(struct nursery *n, pid_t pid, int status);
/* Gives w up: closes its channel, which is the end of an honest worker. */
void	pool_drop(struct worker *w);
/* The owner of w, who is to blame for what becomes of w, has no worker now. */
void	pool_part(struct worker *w);
/* Once a second: kills who stays too long, at work or after it. */
void	pool_police(struct master *m);
/* Frees w, which was given up and whose end is known, or never will be. */
void	pool_forget(struct worker *w);
/*
 * n has gone: nobody will tell of the end of its workers.  was_active: those
 * that were asked of it will not come.
 */
void	pool_nursery_lost(struct nursery *n, bool was_active);

#endif
