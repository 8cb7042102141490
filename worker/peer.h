/*
 * The client's socket as the line reader wants it: reads and writes that
 * wait no longer than they may, and notice when the master goes away.
 */
#ifndef WORKER_PEER_H
#define WORKER_PEER_H

#include "worker/lineio.h"
#include "worker/ask.h"

struct peer {
	int		 socket;
	int		 output; /* to write to, if it is not socket; -1 */
	struct ask	*master;
	bool		 last;	/* nothing is written after what comes now */
};

/* For lineio_init; its arg is a struct peer. */
extern const struct lineio_ops peer_ops;

/*
 * What has come, left where it is: octets, or 0 and -1 as peer_ops.read.  To
 * wait for more than that it has to be read first.
 */
ssize_t	peer_peek(const struct peer *p, void *to, size_t n,
	    int64_t deadline_ms);
/* True when something has come that nobody has read. */
bool	peer_has_input(const struct peer *p);
/*
 * Ends our side, then reads on for at most two seconds, so that what the
 * client still sends does not make the kernel take our last reply back.
 */
void	peer_linger(const struct peer *p);

#endif
