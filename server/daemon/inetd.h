/*
 * smtpd -i: the one session on descriptor 0, whoever has put it there.
 */
#ifndef SERVER_INETD_H
#define SERVER_INETD_H

#include "server/conf/conf.h"
#include "server/session/address.h"

struct inetd {
	int		input;
	int		output;		/* -1: input is a socket, for both */
	struct address	client;
};

/*
 * Takes the client off descriptors 0 and 1 and puts /dev/null there, and on 2
 * too unless keep_stderr and it is not the client's: from here on nothing but
 * a session can write to it, not even a library.  *keep_stderr is false
 * afterwards if 2 was not kept.  Until inetd_given is called, an exit for any
 * reason answers the client 421 in the name of conf->hostname, or of
 * "localhost" while that is NULL; conf is read at that moment.
 * Fatal when 0 cannot be a client; exit(0) when it has gone already.
 *
 * The client's address is that of the connection.  Only where 0 is no TCP
 * connection, but a pipe, a terminal or a local socket, TCPREMOTEIP and
 * TCPREMOTEPORT of the environment say it; without them it is 0.0.0.0, which
 * is nobody's.
 */
void	inetd_take(struct inetd *out, const struct conf *conf,
	    bool *keep_stderr);
/* A session has the client now. */
void	inetd_given(void);

#endif
