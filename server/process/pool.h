/*
 * The pool of worker processes: forked ahead of need, lent to owners that have
 * work for one, and taken back or given up.
 */
#ifndef SERVER_POOL_H
#define SERVER_POOL_H

#include <stddef.h>
#include <sys/queue.h>

#include "server/master.h"
#include "shared/log.h"

struct helper;
struct pool;
struct worker;

enum { pool_uses_max = 4, pool_blame_bytes = 96 };

/* Waits for a worker for owner, whose part it is; all zero: does not wait. */
struct pool_wait {
	TAILQ_ENTRY(pool_wait)	 entry;
	struct pool_line	*line;
	void			*owner;
};

/* An owner, as it is now. */
struct pool_sight {
	const char	*state;		/* what it does, in a word for status */
	int64_t		 due_ms;	/* an honest worker ends before that */
	/* Whom to blame if its worker turns out to be compromised. */
	_Alignas(max_align_t) char blame[pool_blame_bytes];
};

/* What workers are lent for.  An owner has one worker, for one work. */
struct worker_use {
	bool		once;		/* a worker does one such work only */
	uint64_t	most;		/* workers at a time; 0: no limit */
	/* Of those that wait, who is next; NULL: who came first. */
	struct pool_wait *(*next)(const struct master *m);
	/*
	 * Sends the first record of the work of owner to w, which is idle.
	 * Returns what w, now owner's, may send (enum ipc_when); 0: owner needs
	 * no worker, and does not wait any more; or -1 and errno: it waits on.
	 */
	int		(*begin)(void *owner, struct worker *w);
	/* next() of feed.h, from begin() on; or NULL. */
	bool		(*feed)(void *owner, struct ipc_record *out,
			    int *pass);
	/* Once a second; or NULL. */
	void		(*on_tick)(struct master *m);
	/*
	 * The worker has sent *r, which ipc_recv() found valid at this time.
	 * False: owner gave no reason for it, and the worker is killed.
	 */
	bool		(*on_record)(void *owner, const struct ipc_record *r);
	/* The worker is gone; how is for the log.  owner has none now. */
	void		(*on_lost)(void *owner, const char *how);
	void		(*see)(const void *owner, struct pool_sight *out);
	/*
	 * A worker is compromised, perhaps after its work: adds whom blame
	 * names to l, and penalizes a client.
	 */
	void		(*accuse)(struct master *m, const void *blame,
			    struct log_line *l);
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

/* owner waits for a worker, if it does not already; begin() may be called. */
void	pool_want(struct master *m, const struct worker_use *use,
	    struct pool_wait *wait, void *owner);
/* Its owner waits no longer, if it did. */
void	pool_forgo(struct pool_wait *wait);
/* The work of w has ended in order: w waits for more, or is dropped. */
void	pool_release(struct worker *w);
/* The channel of w has ended or failed during its work; how is for the log. */
void	pool_lost(struct worker *w, const char *how);
/* Tells w to end at once, because another owner needs its slot. */
void	pool_evict(struct worker *w);

/* 0, or -1 and errno: r was not sent; EAGAIN: w does not read. */
int	pool_send(struct worker *w, struct ipc_record *r, int fd);
/* Its use has more to feed w with. */
void	pool_feed(struct worker *w);
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

/*
 * In nursery.c: sends the certificates of m->tls and the settings of m->conf
 * again: workers born from now on have them, and are of a new generation.
 */
void	nursery_tell_settings(struct master *m);

#endif
