/*
 * Asking the master: finding its socket, one question, its answer.
 */
#ifndef SERVER_SMTPCTL_CONTROL_H
#define SERVER_SMTPCTL_CONTROL_H

#include <limits.h>

#include "shared/ipc_msg.h"

/* What the options -f and -s say; zero is the default of both. */
struct smtpctl_place {
	const char	*conf;		/* configuration; NULL: the usual one */
	const char	*socket;	/* NULL: as the configuration says */
};

/* A connection, from the first question on.  Zero but for place is valid. */
struct smtpctl_control {
	struct smtpctl_place	place;
	int			patience_s;	/* with it; 0: as usual */
	bool			open;
	int			fd;
	bool			cut;	/* more than the last answer holds */
	bool			silent;	/* nobody answers, or nobody may ask */
	char			path[PATH_MAX];
	char			problem[PATH_MAX + 400];
};

/* What becomes of an answer; again with NULL when it begins anew. */
typedef void smtpctl_take(void *arg, const struct ipc_record *r);

/*
 * Asks question and hands every record of the answer but END to take.  On
 * failure false, and problem says in words for a person what is wrong and
 * what to do about it; then the connection is closed.
 */
bool	smtpctl_control_ask(struct smtpctl_control *c,
	    const struct ipc_record *question, smtpctl_take *take, void *arg);
void	smtpctl_control_close(struct smtpctl_control *c);
/*
 * Where the socket is, by the options or by "control" and "root" of the
 * configuration, of which nothing else is judged.  False, and problem.
 */
bool	smtpctl_control_find(struct smtpctl_control *c);

#endif
