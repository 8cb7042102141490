/*
 * The table of what each role may do.  A right that is not listed is denied;
 * the files named after operating systems only translate the table.  The
 * programs decide when a role is entered.
 */
#include "shared/os/sandbox_table.h"

/* Enough for a TLS session and a few line buffers, never for a message. */
#define worker_memory_max_bytes		(16ULL * 1024 * 1024)

/* The table of passwords and the costliest hash (shared/password_form.h). */
#define auth_memory_max_bytes		(512ULL * 1024 * 1024)

/*
 * A worker runs in the nursery's sandbox and in its own within that, so the
 * nursery has all rights of a worker (fdatasync too), and the same memory
 * limit, which workers inherit.  The nursery's descriptors are the channel to
 * the master and, for a moment, both ends of a worker's; its limit is far
 * higher, since Linux counts its user's descriptors in transit against it.  A
 * worker's are its channel, the client's socket, one spool file, and perhaps
 * standard input, output and error.
 */
const struct sandbox_line sandbox_table[SANDBOX_ROLE_COUNT] = {
	[SANDBOX_MASTER] = {
		.name = "master",
		.rights = RIGHT_IO | RIGHT_SYNC | RIGHT_RECV_FD |
		    RIGHT_ACCEPT | RIGHT_FILES | RIGHT_SYSLOG | RIGHT_EVENTS,
		.memory_max_bytes = 0,
		.descriptors_max = 0,
		.no_fork = true
	},
	[SANDBOX_NURSERY] = {
		.name = "nursery",
		.rights = RIGHT_IO | RIGHT_SYNC | RIGHT_RECV_FD |
		    RIGHT_FORK | RIGHT_EXEC_SELF,
		.memory_max_bytes = worker_memory_max_bytes,
		.descriptors_max = 4096,
		.no_fork = false
	},
	[SANDBOX_SMTP] = {
		.name = "smtp",
		.rights = RIGHT_IO | RIGHT_SYNC | RIGHT_RECV_FD,
		.memory_max_bytes = worker_memory_max_bytes,
		.descriptors_max = 8,
		.no_fork = true
	},
	[SANDBOX_SIGN] = {
		.name = "sign",
		.rights = RIGHT_IO | RIGHT_RECV_FD,
		.memory_max_bytes = worker_memory_max_bytes,
		.descriptors_max = 8,
		.no_fork = true
	},
	[SANDBOX_AUTH] = {
		.name = "auth",
		.rights = RIGHT_IO | RIGHT_RECV_FD,
		.memory_max_bytes = auth_memory_max_bytes,
		.descriptors_max = 8,
		.no_fork = true
	},
	/* An attacker in it could only sync, or pretend to have synced. */
	[SANDBOX_DISK] = {
		.name = "disk",
		.rights = RIGHT_SYNC | RIGHT_RECV_FD,
		.memory_max_bytes = worker_memory_max_bytes,
		.descriptors_max = 8,
		.no_fork = true
	},
	/* It writes to the descriptor it is sent, the open log file. */
	[SANDBOX_LOGGER] = {
		.name = "logger",
		.rights = RIGHT_IO | RIGHT_RECV_FD,
		.memory_max_bytes = worker_memory_max_bytes,
		.descriptors_max = 8,
		.no_fork = true
	},
	/* Helpers that it forks inherit its limits, so none is below theirs. */
	[SANDBOX_KEEPER] = {
		.name = "keeper",
		.rights = RIGHT_IO | RIGHT_SYNC | RIGHT_RECV_FD |
		    RIGHT_FORK | RIGHT_EXEC_SELF,
		.memory_max_bytes = auth_memory_max_bytes,
		.descriptors_max = 4096,
		.no_fork = false
	}
};
