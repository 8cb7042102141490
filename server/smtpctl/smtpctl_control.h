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

/* Zero but for place is valid. */
struct smtpctl_control {
	struct smtpctl_place	place;
	int			fd;
	int			status;	/* what smtpctl is to exit with */
	char			path[PATH_MAX];
	char			problem[PATH_MAX + 400];
};

/*
 * Asks on a connection of its own.  The answer, to be freed, whose octets are
 * a stranger's; or NULL, and problem says in words for a person what is wrong
 * and what to do about it.
 */
char	*smtpctl_control_ask(struct smtpctl_control *c,
	    const struct ipc_ask *question);

#endif
