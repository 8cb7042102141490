/*
 * Listening sockets that somebody else has bound: systemd's LISTEN_FDS, or
 * one on descriptor 0 from an inetd that waits.
 */
#ifndef SERVER_ACTIVATE_H
#define SERVER_ACTIVATE_H

#include <stdbool.h>

#include "server/master.h"

enum { activate_max = 64 };

struct activate {
	int	count;		/* 0: nobody has, "listen" lines count */
	int	fds[activate_max];
	struct conf_listen words[activate_max];	/* as their names have them */
	bool	wait;		/* inetd's: end when nobody comes */
};

/*
 * How many descriptors from 3 on LISTEN_PID and LISTEN_FDS promise to this
 * very process; 0 when it is another one, or when they are not there.
 */
int	activate_promised(void);
/* True when descriptor 0 is a listening socket. */
bool	activate_is_stdin(void);
/*
 * Takes over descriptor 0 or, where it is no listening socket, those that
 * were promised; none of them is inherited further, nor is the environment
 * that told of them.  Fatal when one is no socket that listens for TCP.
 */
void	activate_take(struct activate *out);
/*
 * Under an inetd that waits: ends m when it had no session for
 * limits.inetd_wait_s.  0, or -1 without memory.
 */
int	activate_watch(struct master *m);

#endif
