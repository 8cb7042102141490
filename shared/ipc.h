/*
 * Sending and receiving records over a channel.
 */
#ifndef SHARED_IPC_H
#define SHARED_IPC_H

#include "shared/ipc_msg.h"

/* A pair of connected ends, both close-on-exec.  0, or -1 and errno. */
int	ipc_pair(int out[2]);
/*
 * Sends r with descriptor pass, which stays the caller's (-1: none).  wait:
 * blocks while the channel is full; else EAGAIN.  0, or -1 and errno.
 */
int	ipc_send(int channel, struct ipc_record *r, int pass, bool wait);

enum ipc_got {
	IPC_GOT_RECORD,
	IPC_GOT_NOTHING,	/* no record now; only without wait */
	IPC_GOT_END,		/* the other end is closed */
	IPC_GOT_BAD,		/* against the contract: *why says how */
	IPC_GOT_NO_ROOM,	/* valid, but its descriptor is lost: this
				   process has reached its limit */
	IPC_GOT_ERROR		/* errno */
};

/*
 * Receives one record and checks it (ipc_check).  *passed is its descriptor
 * (close-on-exec), the caller's to close; or -1, as that of a bad record is.
 */
enum ipc_got	ipc_recv(int channel, enum ipc_way way, enum ipc_when when,
		    bool wait, struct ipc_record *r, int *passed,
		    const char **why);

#endif
