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

enum helper_state {
	HELPER_NONE,		/* not wanted */
	HELPER_LOST,		/* it will be started again, at again_ms */
	HELPER_COMING,		/* asked of the keeper */
	HELPER_STARTING,	/* not in its sandbox yet */
	HELPER_UNFED,		/* in it, and without what it needs */
	HELPER_SERVING
};

/*
 * The master's end of a helper.  Its name, option and counter are those of its
 * row in shared/helpers.h.
 */
struct helper_role {
	const char	*then;		/* what its loss means */
	enum ipc_way	 way;		/* of what it says */
	/* At start, before anybody is forked: is it of use? */
	bool		(*wanted)(const struct master *m);
	/*
	 * It has entered its sandbox, and is to be fed: helper_fed() ends
	 * that.  first: at start; else it was started again.
	 */
	void		(*feed)(struct master *m, bool first);
	void		(*take)(struct master *m, const struct ipc_record *r);
	/*
	 * It was fed, or about to be, and has ended, or smtpd does.  again: it
	 * is started at once, so that questions that wait may wait on.
	 */
	void		(*lost)(struct master *m, bool again);
};

#define HELPER_ROLE(X, NAME, name, option, Name)			\
	extern const struct helper_role name##_role;
HELPERS(HELPER_ROLE, )
#undef HELPER_ROLE

struct helper {
	struct master			*master;
	const struct helper_role	*role;
	void				*own;		/* its owner's books */
	struct event			 readable;
	int				 channel;	/* -1: there is none */
	enum helper_state		 state;
	pid_t				 pid;		/* as it says */
	char				 sandbox[ipc_text_bytes];
	int64_t				 since_ms;	/* state is so */
	int64_t				 due_ms;	/* silent since then,
						   and an answer is due; or 0 */
	int64_t				 again_ms;
	unsigned			 pause_s;	/* before that */
	bool				 served;	/* once, at least */
	char				 failed[160];	/* why it did not */
};

/* Its word in the log, and its option of smtpd-worker. */
const char *helper_name(enum helper_kind kind);
char	helper_option(enum helper_kind kind);
/* At start: is there to be one?  The keeper, where there is another. */
bool	helper_is_wanted(const struct master *m, enum helper_kind kind);
/*
 * Takes over the channels of those that were just started (-1: not wanted),
 * and waits until all of them serve.  Each has to enter its sandbox and say
 * so; or say that it has none, which is enough where sandbox is optional; then
 * it is fed.  0; or -1, *kind and *why.
 */
int	helper_start(struct master *m, const int channels[HELPER_COUNT],
	    enum helper_kind *kind, const char **why);
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
/* Once a second: starts those whose pause is over, loses the silent ones. */
void	helper_tick(struct master *m);
void	helper_stop(struct master *m);

#endif
