/*
 * Descriptors that whoever started us has left: 0 to 2, the one client of
 * smtpd -i, or listening sockets, as systemd's LISTEN_FDS or on descriptor 0
 * from an inetd that waits.
 */
#ifndef SERVER_INHERIT_H
#define SERVER_INHERIT_H

#include <stdbool.h>

#include "server/master.h"
#include "server/session/address.h"

enum { inherit_sockets_max = 64 };

struct inherit_sockets {
	int	count;		/* 0: none, "listen" lines count */
	int	fds[inherit_sockets_max];
	/* As their names have them. */
	struct conf_listen words[inherit_sockets_max];
	bool	wait;		/* inetd's: end when nobody comes */
};

struct inherit_client {
	int		input;
	int		output;		/* -1: input is a socket, for both */
	struct address	client;
};

/*
 * The first thing of all: makes sure that descriptors 0 to 2 are open, so
 * that nothing we open gets their place, and that 2 is not a connection.
 * Under inetd all three are the client, or the listening socket; then 2
 * becomes /dev/null.  True when 2 is what it was, and may be written to.
 */
bool	inherit_guard(void);
/*
 * How many descriptors from 3 on LISTEN_PID and LISTEN_FDS promise to this
 * very process; 0 when it is another one, or when they are not there.
 */
int	inherit_promised(void);
/* True when descriptor 0 is a listening socket. */
bool	inherit_stdin_listens(void);
/*
 * Takes over descriptor 0 or, where it is no listening socket, those that
 * were promised; none of them is inherited further, nor is the environment
 * that told of them.  Fatal when one is no socket that listens for TCP.
 */
void	inherit_take_sockets(struct inherit_sockets *out);
/*
 * Under an inetd that waits: ends m when it had no session for
 * limits.inetd_wait_s.  0, or -1 without memory.
 */
int	inherit_watch_idle(struct master *m);
/*
 * Takes the client off descriptors 0 and 1 and puts /dev/null there, and on 2
 * too unless keep_stderr and it is not the client's: from here on nothing but
 * a session can write to it, not even a library.  *keep_stderr is false
 * afterwards if 2 was not kept.  Until inherit_given is called, an exit for
 * any reason answers the client 421 in the name of conf->hostname, or of
 * "localhost" while that is NULL; conf is read at that moment.
 * Fatal when 0 cannot be a client; exit(0) when it has gone already.
 *
 * The client's address is that of the connection.  Only where 0 is no TCP
 * connection, but a pipe, a terminal or a local socket, TCPREMOTEIP and
 * TCPREMOTEPORT of the environment say it; without them it is 0.0.0.0, which
 * is nobody's.
 */
void	inherit_take_client(struct inherit_client *out,
	    const struct conf *conf, bool *keep_stderr);
/* A session has the client now. */
void	inherit_given(void);

#endif
