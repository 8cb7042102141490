/*
 * Records between the master and the processes that wait for a disk in its
 * place, disk and logger.  Rows of the table in shared/ipc_msg.h.
 */
#ifndef SHARED_IPC_DISK_H
#define SHARED_IPC_DISK_H

#include <stdint.h>

/* Sync the file or directory of the descriptor. */
struct ipc_sync {
	uint64_t	ticket;
	uint8_t		data;		/* fdatasync(2) is enough */
};

struct ipc_synced {
	uint64_t	ticket;
	int32_t		error;		/* errno; 0: on the disk */
};

enum { ipc_lines_bytes = 1000 };

/* Octets of log lines, in order; a line may continue in the next record. */
struct ipc_lines {
	uint16_t	n;
	uint8_t		again;		/* tries again what failed */
	uint8_t		octets[ipc_lines_bytes];
};

/* n octets of the oldest LOG_LINES without an answer are written. */
struct ipc_written {
	uint32_t	n;
	int32_t		error;		/* errno, if n is not all */
};

#define IPC_DISK_PAYLOADS(X)						\
	X(sync)								\
	X(synced)							\
	X(lines)							\
	X(written)

#define IPC_DISK_RECORDS(X)						\
	X(SYNC, IPC_TO_DISK, sync, 1, IPC_AT_ANY, sync)			\
	X(SYNCED, IPC_FROM_DISK, synced, 0, IPC_AT_ANY, synced)		\
	X(LOG_FILE, IPC_TO_LOGGER, nothing, 1, IPC_AT_ANY, any)		\
	X(LOG_LINES, IPC_TO_LOGGER, lines, 0, IPC_AT_ANY, lines)	\
	X(LOG_WRITTEN, IPC_FROM_LOGGER, written, 0, IPC_AT_ANY, written)

#endif
