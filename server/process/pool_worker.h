/*
 * Workers and their nurseries: for pool.c, pool_worker.c and nursery.c alone.
 */
#ifndef SERVER_POOL_WORKER_H
#define SERVER_POOL_WORKER_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/queue.h>

#include "server/process/helper.h"
#include "server/process/pool.h"
#include "server/process/tls_files.h"

/*
 * One worker process, from its birth until its nursery reports its end: the
 * end of its channel proves nothing.
 */
struct worker {
	TAILQ_ENTRY(worker)		 entry;
	enum pool_count			 list;		/* the one it is in */
	struct master			*master;
	struct helper			*nursery;	/* its parent */
	struct event			 readable;
	struct event			 paused;	/* see pool_pause() */
	int				 channel;
	pid_t				 pid;
	uint64_t			 served;	/* times it was lent */
	unsigned			 generation;	/* of the nursery's
							   settings and image */
	struct tls_files		*tls;		/* until given up */
	enum ipc_when			 when;
	struct pool_line		*line;		/* now or last;
							   or NULL */
	void				*owner;		/* NULL: not busy */
	struct feed			 feed;		/* while busy */
	struct pool_sight		 seen;		/* now or last */
	int64_t				 end_ms;	/* evicted or given up:
							   by then it ends */
	unsigned			 stresses;	/* since last record */
	bool				 exited;	/* as its nursery says;
							   or that has ended */
	const char			*killed;	/* why we killed it, or
							   NULL; "": no blame */
};
TAILQ_HEAD(worker_list, worker);

/* The owners of one use that wait, and how many more may have a worker. */
struct pool_line {
	const struct worker_use	*use;		/* NULL: it is the last */
	TAILQ_HEAD(pool_waits, pool_wait) waits;
	uint64_t		 waiting, slots;
};

struct pool {
	struct pool_line	 lines[pool_uses_max + 1];
	struct helper		*active;	/* nursery; NULL: none */
	unsigned		 generation;
	struct worker_list	 list[POOL_LISTS];
	uint64_t		 count[POOL_COUNTS];
	bool			 starved;	/* since the last tick */
	unsigned		 unused_losses;	/* idle workers, in a row */
	int64_t			 no_spawn_until_ms;
	struct event		 tick;
};

/* Asks for the workers that are missing. */
void	pool_ask(struct master *m);
/* Drops idle workers of older settings or an older image. */
void	pool_retire_idle(struct master *m);
/* Lends idle workers, and asks for those that are missing. */
void	pool_serve(struct master *m);
/* Updates w->seen, while it has an owner. */
void	pool_look(struct worker *w);
/*
 * Moves w to the front of the idle ones, or to the end of another list.  An
 * owner that it had stays to blame for what becomes of it.
 */
void	pool_move(struct worker *w, enum pool_count to);
/* n has forked a worker; not fresh: its settings or its image are older. */
void	pool_newborn(struct helper *n, pid_t pid, int channel, bool fresh);
/* A worker that was asked for will not come; why is logged. */
void	pool_stillborn(struct master *m, const char *why);
/* Child pid of n has ended; status of waitpid(2).  False: n has none such. */
bool	pool_died(struct helper *n, pid_t pid, int status);
/* Gives w up: closes its channel, which is the end of an honest worker. */
void	pool_drop(struct worker *w);
/* Once a second: kills workers that stay too long, at work or after it. */
void	pool_police(struct master *m);
/* Frees w, which was given up and whose end is known, or never will be. */
void	pool_forget(struct worker *w);
/* n has ended: nobody reports the end of its workers, none will come. */
void	pool_nursery_lost(struct helper *n, bool was_active);

/* In nursery.c: sends r, after which a record of n is due.  0; -1 and errno. */
int	nursery_ask(struct helper *n, struct ipc_record *r);
/* The working nursery executes itself: a new layout for new workers. */
void	nursery_renew(struct master *m);

#endif
