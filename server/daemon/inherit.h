/*
 * Descriptors inherited from the process that started us: 0 to 2, the client of
 * smtpd -i, or listening sockets of systemd or of an inetd that waits.
 */
#ifndef SERVER_INHERIT_H
#define SERVER_INHERIT_H

#include <stdbool.h>

#include "server/conf/conf.h"
#include "server/session/address.h"

enum { inherit_sockets_max = 64 };

struct inherit_sockets {
	int	count;		/* 0: "listen" lines are bound */
	int	fds[inherit_sockets_max];
	/* Options by the names in LISTEN_FDNAMES. */
	unsigned words[inherit_sockets_max];
	bool	wait;		/* inetd's: end when idle */
};

struct inherit_client {
	int		input;
	int		output;		/* -1: input is a socket, for both */
	struct address	client;
};

/*
 * First of all: makes sure that descriptors 0 to 2 are open, so that no file we
 * open gets their numbers, and makes 2 /dev/null if it is the socket that 0 is,
 * as under inetd.  True when 2 is unchanged and may be written to.
 */
bool	inherit_guard(void);
/* How many descriptors from 3 on LISTEN_FDS promises to this process. */
int	inherit_promised(void);
/* The whole decimal number in the environment variable name; else 0. */
unsigned long inherit_number(const char *name);
/* True when descriptor 0 is a listening socket. */
bool	inherit_stdin_listens(void);
/*
 * Takes over descriptor 0 or, where it does not listen, those of LISTEN_FDS.
 * Fatal when one does not listen for TCP.
 */
void	inherit_take_sockets(struct inherit_sockets *out);
/*
 * Puts /dev/null in place of the client on descriptors 0 and 1, and on 2 unless
 * *keep_stderr is set and 2 is not the client (or it becomes false).  Until
 * inherit_given, an exit sends the client 421 in the name of conf->hostname
 * ("localhost" while that is NULL).  Fatal when 0 cannot be a client; exit(0)
 * when the client has gone.  Without a TCP connection the client's address is
 * that of TCPREMOTEIP and TCPREMOTEPORT in the environment, or 0.0.0.0, which
 * no client has.
 */
void	inherit_take_client(struct inherit_client *out,
	    const struct conf *conf, bool *keep_stderr);
/* A session has the client now. */
void	inherit_given(void);

#endif
