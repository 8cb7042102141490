/*
 * Starting: the steps between a checked configuration and a master that
 * serves, in the order that keeps root for as short as possible.
 */
#ifndef SERVER_START_H
#define SERVER_START_H

#include "server/daemon/daemon.h"

struct start_options {
	const char	*worker;	/* absolute path of smtpd-worker */
	const char	*pid_file;	/* or NULL */
	bool		 foreground;
	struct inherit_client *inetd;	/* the one session; or NULL */
	struct inherit_sockets *sockets; /* instead of listen lines; or NULL */
};

/*
 * Runs the master of m->conf until it is to end; returns the exit status.  An
 * error at start-up is reported in one line, with exit status 1.
 */
int	start_and_run(struct master *m, const struct start_options *o);

#endif
