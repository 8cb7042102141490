/*
 * Helpers: processes that answer the master alone.  One that is lost is
 * started again, by the keeper, for the master can neither fork nor execute
 * after its start; until it has what it needs, what it is for is not offered.
 */
#ifndef SERVER_HELPER_H
#define SERVER_HELPER_H

#include <event2/event_struct.h>
#include <stdbool.h>
#include <sys/types.h>

#include "server/log/counters.h"
#include "shared/ipc_msg.h"

struct master;

enum helper_kind { HELPER_KEEPER, HELPER_SIGN, HELPER_AUTH, HELPER_COUNT };

enum helper_state {
	HELPER_NONE,		/* not wanted */
	HELPER_LOST,		/* it will be started again, at again_ms */
	HELPER_COMING,		/* asked of the keeper */
	HELPER_STARTING,	/* not held yet */
	HELPER_UNFED,		/* held, and without what it needs */
	HELPER_SERVING
};

/* What there is to be known of a kind. */
struct helper_role {
	const char	*name;
	const char	*then;		/* what its loss means */
	char		 option;	/* of smtpd-worker */
	enum ipc_way	 way;		/* of what it says */
	enum ipc_type	 ready;		/* the first of it, once held */
	enum counter	 losses;
	/* It was started again, and is to be fed: helper_fed() ends that. */
	void		(*feed)(struct master *m);
	void		(*take)(struct master *m, const struct ipc_record *r);
	/* again: at once, so that who waits may wait on. */
	void		(*lost)(struct master *m, bool again);
};

struct helper {
	struct master			*master;
	const struct helper_role	*role;
	struct event			 readable;
	int				 channel;	/* -1: there is none */
	enum helper_state		 state;
	pid_t				 pid;		/* as it says */
	char				 sandbox[ipc_text_bytes];
	int64_t				 since_ms;	/* state is so */
	int64_t				 again_ms;
	unsigned			 pause_s;	/* before that */
};

/*
 * Waits for the first record on the channel of a process that was just
 * started.  0; or -1 and *why.
 */
int	helper_hear(int channel, enum ipc_way way, struct ipc_record *out,
	    const char **why);
/*
 * Takes over the channel of a helper that was just started, waits until it is
 * held and says so, or says that it is not, which is enough where sandbox is
 * optional.  It is unfed.  0; or -1 and *why.
 */
int	helper_start(struct master *m, enum helper_kind kind,
	    const struct helper_role *role, int channel, const char **why);
/* The same of the keeper, which needs nothing more. */
int	helper_start_keeper(struct master *m, int channel, const char **why);
/* What they say is taken by events from now on. */
void	helper_watch(struct master *m);
/* It has all that it needs. */
void	helper_fed(struct master *m, enum helper_kind kind);
/* It is missing, and would be of use. */
bool	helper_is_lacking(const struct master *m, enum helper_kind kind);
/* It serves, or will soon. */
bool	helper_is_coming(const struct master *m, enum helper_kind kind);
/*
 * It has ended, broken its contract, or cannot be fed; nothing, if it is lost
 * already.  It is started again: at once, or after a pause that doubles from
 * one to 64 seconds where it does not live for two; or smtpd ends with 1,
 * where there is no keeper.
 */
void	helper_lose(struct master *m, enum helper_kind kind, const char *why);
/* As helper_lose(); but only root could give it what it needs: smtpd ends. */
void	helper_give_up(struct master *m, enum helper_kind kind,
	    const char *why);
/* Once a second: starts those whose pause is over, loses who does not start. */
void	helper_tick(struct master *m);
void	helper_stop(struct master *m);

#endif
