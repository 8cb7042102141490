/*
 * The client's socket as the line reader needs it: reads and writes that wait
 * no longer than they may, and notice when the master ends.
 */
#ifndef WORKER_PEER_H
#define WORKER_PEER_H

#include "worker/lineio.h"
#include "worker/ask.h"

struct peer {
	int		 socket;
	int		 output; /* written to, not socket; or -1 */
	struct ask	*master;
	bool		 last;	/* the next write is the last one */
};

/* For lineio_init; its arg is a struct peer. */
extern const struct lineio_ops peer_ops;

/* Is there unread input? */
bool	peer_has_input(const struct peer *p);
/*
 * Shuts down our side, then reads on for a while: late input would make the
 * kernel reset the connection, and the client lose our last reply.
 */
void	peer_linger(struct peer *p);

#endif
