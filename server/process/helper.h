/*
 * Helpers: processes that answer the master alone.  The keeper starts a lost
 * one again, for the master can neither fork nor execute after its start.
 */
#ifndef SERVER_HELPER_H
#define SERVER_HELPER_H

#include <event2/event_struct.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "server/log/counters.h"
#include "server/process/feed.h"

struct helper;
struct master;

enum helper_state {
	HELPER_NONE,		/* not wanted */
	HELPER_LOST,		/* to be started again at again_ms */
	HELPER_COMING,		/* the keeper was asked to start it */
	HELPER_STARTING,	/* not in its sandbox yet */
	HELPER_UNFED,		/* in its sandbox, without its data */
	HELPER_SERVING
};

struct helper_role {
	const char	*then;		/* what its loss means */
	bool		 spare;		/* the master can do its work */
	/* The next record to be sent, as in feed.h; or NULL: others send. */
	bool		(*next)(void *helper, struct ipc_record *out);
	/* It is in its sandbox, and needs its data until helper_fed(); or
	   NULL.  first: at start. */
	void		(*feed)(struct master *m, bool first);
	/*
	 * False: nobody asked for *r, and the helper is lost.  Its descriptor
	 * is in helpers[].passed (-1 where this process may open no more),
	 * which take() sets to -1 to keep it.
	 */
	bool		(*take)(struct master *m, const struct ipc_record *r);
	/* It, or smtpd, has ended; again: it starts again at once. */
	void		(*lost)(struct master *m, bool again);
	/* Of a nursery: started; sent *r (NULL, or its offence); ended. */
	void		(*begin)(struct helper *h);
	const char	*(*hear)(struct helper *h, const struct ipc_record *r);
	void		(*end)(struct helper *h, const char *why);
};

#define HELPER_ROLE(X, NAME, name, option, Name)			\
	extern const struct helper_role name##_role;
HELPERS(HELPER_ROLE, )
#undef HELPER_ROLE
extern const struct helper_role nursery_role;

struct helper {
	struct master			*master;
	const struct helper_role	*role;
	struct event			 readable;
	struct feed			 feed;
	int				 channel;	/* -1: there is none */
	int				 passed;	/* with a record */
	enum helper_state		 state;
	pid_t				 pid;		/* as reported */
	char				 sandbox[ipc_text_bytes]; /* stays */
	int64_t				 since_ms;	/* when state was set */
	int64_t				 due_ms;	/* silent since, with an
						   answer due; or 0 */
	int64_t				 again_ms;
	unsigned			 pause_s;	/* before again_ms */
	unsigned			 bred_due;	/* asked of it */
	unsigned			 strangers;	/* children that the
						   pool does not know */
	bool				 served;	/* at least once */
};

/* The helper's name in the log, and its option of smtpd-worker. */
const char *helper_name(enum helper_kind kind);
char	helper_option(enum helper_kind kind);
/* At start, before any fork: is it needed?  The keeper is where others are. */
bool	helper_is_wanted(const struct master *m, enum helper_kind kind);
/*
 * Watches the helpers that were just started, by their channels (-1: not
 * wanted), and waits until all serve.  Each has to report that it has entered
 * its sandbox, or that it has none, which is enough where sandbox is optional;
 * then it is fed.  If that fails, it is fatal().  0, or -1 without memory.
 */
int	helper_start(struct master *m, const char *worker);
/* There is more for next(), once the helper is in its sandbox. */
void	helper_tell(struct master *m, enum helper_kind kind);
/* The helper has all that it needs. */
void	helper_fed(struct master *m, enum helper_kind kind);
/* The helper is wanted, and does not serve. */
bool	helper_is_lacking(const struct master *m, enum helper_kind kind);
/* The helper serves, or will soon. */
bool	helper_is_coming(const struct master *m, enum helper_kind kind);
/*
 * The helper has ended, broken its contract, or cannot be fed; no effect if it
 * is lost already.  It is started again at once, or, if it lived for less than
 * two seconds, after a pause that doubles from one to 64 seconds.  smtpd ends
 * with 1 without a keeper, or for good: if only root could give what is needed.
 */
void	helper_lose(struct master *m, enum helper_kind kind, const char *why,
	    bool for_good);
void	helper_stop(struct master *m);

/* In logger.c: opens the log file again (log_file.h), for that process, too. */
void	logger_reopen(struct master *m);

/* ---- auth.c: the process that has the passwords; no worker has a channel - */

/* The module that asks: m->auth_owner, set before the process starts. */
struct auth_owner {
	/*
	 * Writes the next question to *out, which is zero, but for its ticket.
	 * False: there is none; helper_tell() once there is.
	 */
	bool	(*next)(struct master *m, struct ipc_password *out);
	/* The answer to the last question; the next comes after it. */
	void	(*on_answer)(struct master *m, enum smtp_reply answer);
	/* It has ended, and has no answer; again: it starts again at once. */
	void	(*on_lost)(struct master *m, bool again);
};

/*
 * Sends the passwords of the current configuration, and wipes them here once
 * the auth process has them all; until then the previous ones stay in use.
 */
void	auth_renew(struct master *m);

/* ---- disk.c: the process that syncs files; without it the master does ---- */

/* Descriptors to be synced, in any order, beside those of other jobs. */
struct disk_job {
	TAILQ_ENTRY(disk_job)	 entry;
	const int		*fds;		/* open until done */
	size_t			 count;
	bool			 data;		/* files, for which
						   fdatasync(2) is enough */
	/* All were tried.  error: 0, or errno of the first that failed. */
	void			(*done)(void *arg, int error, size_t failed);
	void			*arg;
	uint64_t		 ticket;	/* of fds[0] */
	size_t			 sent, answered;
	int			 error;
	size_t			 failed;
};

/* Queues job; done() may be called before this returns. */
void	disk_sync(struct master *m, struct disk_job *job);
/* At shutdown: finishes all jobs; later ones before disk_sync() returns. */
void	disk_finish(void);

#endif
