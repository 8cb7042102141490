/*
 * The pool of worker processes: forked ahead of need, lent to whoever has
 * work for one, and taken back or given up.  What the work is, is known to
 * its use alone.
 */
#ifndef SERVER_POOL_H
#define SERVER_POOL_H

#include "server/master.h"
#include "shared/log.h"

struct nursery;
struct pool;
struct worker;

enum {
	nursery_count = 2,	/* one works, one stands by */
	pool_last_bytes = 96	/* that a use may keep of its last owner */
};

/*
 * What workers are lent for, as one row: a session is the first use.  An owner
 * is whatever has one worker of its own, for one piece of work.
 */
struct worker_use {
	/* How many owners wait for a worker. */
	uint64_t	(*waiting)(const struct master *m);
	/* Workers are idle: those that wait get theirs, by pool_lend(). */
	void		(*on_idle)(struct master *m);
	/* Once a second. */
	void		(*on_tick)(struct master *m);
	/*
	 * The worker says *r, which has passed the table and may be said now.
	 * False: owner never gave reason for it, and the worker is killed.
	 */
	bool		(*on_record)(void *owner, const struct ipc_record *r);
	/* The worker is gone, and how, for the log; owner has none now. */
	void		(*on_lost)(void *owner, const char *how);
	/* It was told to end its work: what it waits for is answered. */
	void		(*on_evict)(void *owner);
	/* Has the work lasted longer than an honest worker would let it? */
	bool		(*is_overdue)(const void *owner);
	/* What owner does now, in a word for status. */
	const char	*(*state)(const void *owner);
	/*
	 * Writes to last what is to be known of owner when its worker is found
	 * to have been in other hands, which may be after the work.
	 */
	void		(*remember)(const void *owner,
			    uint8_t last[pool_last_bytes]);
	/* It was: who is to blame goes into the log line, and pays for it. */
	void		(*blame)(struct master *m,
			    const uint8_t last[pool_last_bytes],
			    struct log_line *l);
};

/*
 * Takes over the channels of two nurseries that were just started (or of one,
 * and -1: none will stand by) and sends them their settings; they enter their
 * sandbox while the master does the same.  uses ends with NULL, and who stands
 * first in it gets idle workers first.  0, or -1 without memory.
 */
int	pool_start(struct master *m, const int channels[nursery_count],
	    const struct worker_use *const *uses);
/*
 * Waits until they have proved their sandbox; workers are forked from then on.
 * 0; or -1, *why in words (static storage) for the one line of fatal().
 */
int	pool_wait(struct master *m, const char **why);
/*
 * The server is to stop: idle workers go, the others end their work at the
 * next step and finish the message under way.
 */
void	pool_drain(struct master *m);
/* Closes every channel: no work goes on. */
void	pool_stop(struct master *m);

/* An owner more waits: on_idle() is called, and workers are asked for. */
void	pool_want(struct master *m);
/* The worker to be lent next; NULL: none is idle. */
struct worker *pool_idle(struct master *m);
/* It works for owner from now on, and may say what is permitted at when. */
void	pool_lend(struct worker *w, const struct worker_use *use,
	    void *owner, enum ipc_when when);
/* Its work has ended in order: it waits for its next one, or ends. */
void	pool_release(struct worker *w);
/*
 * The channel of w has ended, or cannot be used, in the middle of things;
 * how, for its owner's log.
 */
void	pool_lost(struct worker *w, const char *how);
/* Has w end at once, for somebody else needs its slot. */
void	pool_evict(struct worker *w);

/* 0, or -1 and errno: r was not sent; EAGAIN: w does not read. */
int	pool_send(struct worker *w, struct ipc_record *r, int fd);
/* Tells w how long whoever it serves may be silent now, and why. */
void	pool_stress(struct worker *w, enum stress why, uint64_t idle_timeout_s);
/* What w says next waits for so long. */
void	pool_pause(struct worker *w, int64_t us);
/* It may say what is permitted at when; and what it may say. */
void	pool_permit(struct worker *w, enum ipc_when when);
enum ipc_when pool_permits(const struct worker *w);
/* Slot of the sign process for the pair that w calls so; false: none. */
bool	pool_key_slot(const struct worker *w, uint16_t pair, uint16_t *out);
pid_t	pool_pid(const struct worker *w);

struct pool_count {
	uint64_t	busy;
	uint64_t	idle;
	uint64_t	leaving;	/* given up, not ended yet */
	uint64_t	coming;		/* asked for, not born yet */
	uint64_t	spare;		/* wanted beyond the load */
};

void	pool_count(const struct master *m, struct pool_count *out);
/* Records of workers up to now: whether anybody has said something. */
uint64_t pool_heard(const struct master *m);
/* What holds the workers that are born now; "?" when it is not known. */
const char *pool_sandbox(const struct master *m);

/* What a process does now; for the others, their use has the word. */
#define POOL_STATES(X)							\
	X(SPARE, "spare")	/* a worker that waits for work */	\
	X(LEAVING, "leaving")	/* a worker that was given up */	\
	X(SERVING, "serving")	/* the nursery, or what else works */	\
	X(STANDBY, "stands by")	/* the other nursery */			\
	X(STARTING, "starting")	/* not ready yet */

/* One process; pid 0: not known. */
struct pool_process {
	pid_t		 pid;
	const char	*state;
	const char	*sandbox;
};

typedef void	pool_see(void *arg, const struct pool_process *p);

/* Shows the nurseries; and at most max workers, those that work first. */
void	pool_nurseries(const struct master *m, pool_see *see, void *arg);
void	pool_workers(const struct master *m, size_t max, pool_see *see,
	    void *arg);

#endif
