/*
 * What the master asks the disk process, and is answered.  Rows of the table
 * in shared/ipc_msg.h.
 */
#ifndef SHARED_IPC_DISK_H
#define SHARED_IPC_DISK_H

#include <stdint.h>

/* Make durable what the descriptor names. */
struct ipc_sync {
	uint64_t	ticket;
	uint8_t		data;		/* fdatasync(2) is enough */
};

struct ipc_synced {
	uint64_t	ticket;
	int32_t		error;		/* errno; 0: it is durable */
};

#define IPC_DISK_PAYLOADS(X)						\
	X(sync)								\
	X(synced)

#define IPC_DISK_RECORDS(X)						\
	X(SYNC, IPC_TO_DISK, sync, 1, IPC_AT_ANY, sync)			\
	X(SYNCED, IPC_FROM_DISK, synced, 0, IPC_AT_ANY, synced)

#endif
