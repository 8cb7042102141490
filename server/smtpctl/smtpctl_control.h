/*
 * Asking the master: finding its socket, one question, its answer.
 */
#ifndef SERVER_SMTPCTL_CONTROL_H
#define SERVER_SMTPCTL_CONTROL_H

#include <limits.h>

#include "shared/ipc_msg.h"

/* The values of the options -f and -s; zero is the default of both. */
struct smtpctl_place {
	const char	*conf;		/* path; NULL: the default */
	const char	*socket;	/* path; NULL: of the configuration */
};

/* Valid when all but place is zero. */
struct smtpctl_control {
	struct smtpctl_place	place;
	int			fd;
	int			status;	/* exit status for smtpctl */
	char			path[PATH_MAX];
	char			problem[PATH_MAX + 400];
};

/*
 * Asks on a new connection.  Returns the answer, to be freed, whose octets are
 * not to be trusted; or NULL, and problem says for a person what is wrong and
 * what to do about it.
 */
char	*smtpctl_control_ask(struct smtpctl_control *c,
	    const struct ipc_ask *question);

#endif
