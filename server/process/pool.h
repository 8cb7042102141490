/*
 * The pool of worker processes: forked ahead of need, lent to owners that have
 * work for one, and taken back or given up.
 */
#ifndef SERVER_POOL_H
#define SERVER_POOL_H

#include "server/master.h"
#include "shared/log.h"

struct helper;
struct pool;
struct worker;

enum { pool_last_bytes = 96 };	/* a use may keep of its last owner */

/* What workers are lent for.  An owner has one worker, for one work. */
struct worker_use {
	bool		once;		/* a worker does one such work only */
	/* How many owners wait for a worker. */
	uint64_t	(*waiting)(const struct master *m);
	/* Workers are idle: pool_lend() lends them to owners that wait. */
	void		(*on_idle)(struct master *m);
	/* Once a second; or NULL. */
	void		(*on_tick)(struct master *m);
	/*
	 * The worker has sent *r, which ipc_recv() found valid at this time.
	 * False: owner gave no reason for it, and the worker is killed.
	 */
	bool		(*on_record)(void *owner, const struct ipc_record *r);
	/* The worker is gone; how is for the log.  owner has none now. */
	void		(*on_lost)(void *owner, const char *how);
	/* It was sent STRESS_EVICT: what it waits for is answered; or NULL. */
	void		(*on_evict)(void *owner);
	/* Has the work lasted longer than an honest worker would let it? */
	bool		(*is_overdue)(const void *owner);
	/* What owner does now, in a word for status. */
	const char	*(*state)(const void *owner);
	/*
	 * Notes in last who is to blame if the worker of owner (NULL: as last
	 * has it) turns out to be compromised, perhaps after the work.  With l
	 * it is: adds the client to l, and penalizes that client.
	 */
	void		(*blame)(struct master *m, const void *owner,
			    void *last, struct log_line *l);
};

/*
 * Before helper_start().  uses ends with NULL; earlier uses get idle workers
 * first.  0, or -1 without memory.
 */
int	pool_start(struct master *m, const struct worker_use *const *uses);
/* Both nurseries serve: workers are forked from now on. */
void	pool_open(struct master *m);
/* smtpd is to stop: idle workers are dropped, others finish their message. */
void	pool_drain(struct master *m);
/* Closes every channel: no work goes on. */
void	pool_stop(struct master *m);

/* One more owner waits: calls on_idle(), and asks for workers. */
void	pool_want(struct master *m);
/* The worker to be lent next; NULL: none is idle. */
struct worker *pool_idle(struct master *m);
/* w works for owner from now on, and may send what is permitted at when. */
void	pool_lend(struct worker *w, const struct worker_use *use,
	    void *owner, enum ipc_when when);
/* The work of w has ended in order: w waits for more, or is dropped. */
void	pool_release(struct worker *w);
/* The channel of w has ended or failed during its work; how is for the log. */
void	pool_lost(struct worker *w, const char *how);
/* Has w end at once, because another owner needs its slot. */
void	pool_evict(struct worker *w);

/* 0, or -1 and errno: r was not sent; EAGAIN: w does not read. */
int	pool_send(struct worker *w, struct ipc_record *r, int fd);
/* The channel of w, for a feed; it stays the pool's. */
int	pool_channel(const struct worker *w);
/* Tells w how long its client may be silent now, and why. */
void	pool_stress(struct worker *w, enum stress why, uint64_t idle_timeout_s);
/* The next record of w is read after us microseconds. */
void	pool_pause(struct worker *w, int64_t us);
/* Sets, and returns, the when that decides what w may send. */
void	pool_permit(struct worker *w, enum ipc_when when);
enum ipc_when pool_permits(const struct worker *w);
/* The slot in the sign process of w's pair number pair; false: none. */
bool	pool_key_slot(const struct worker *w, uint16_t pair, uint16_t *out);
pid_t	pool_pid(const struct worker *w);

enum pool_count {
	POOL_BUSY,		/* workers that are lent to an owner */
	POOL_IDLE,
	POOL_LEAVING,		/* given up, not ended yet */
	POOL_LISTS,
	POOL_COMING = POOL_LISTS, /* asked for, not born yet */
	POOL_SPARE,		/* wanted beyond the load */
	POOL_HEARD,		/* records so far: no change, no activity */
	POOL_COUNTS
};

const uint64_t *pool_count(const struct master *m);
/* The nursery that works, of which workers have the sandbox; NULL: none. */
const struct helper *pool_nursery(const struct master *m);

/* One process; pid 0: not known. */
struct pool_process {
	pid_t		 pid;
	const char	*state;
	const char	*sandbox;
};

typedef void	pool_see(void *arg, const struct pool_process *p);

/* Shows at most max workers, busy ones first. */
void	pool_workers(const struct master *m, size_t max, pool_see *see,
	    void *arg);

#endif
