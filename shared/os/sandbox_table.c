/*
 * The one table of who may do what.  A right that is not written here is
 * denied; the files named after operating systems only translate it.  It
 * holds no policy of when a role is entered: that is the programs' own.
 */
#include "shared/os/sandbox_table.h"

/* Room for a TLS session and a few line buffers, never for a message. */
#define worker_memory_max_bytes		(16ULL * 1024 * 1024)

/* The table, and what the dearest hash takes (shared/password_form.h). */
#define auth_memory_max_bytes		(512ULL * 1024 * 1024)

/*
 * A worker is held by the nursery's sandbox and by its own within it, so
 * the nursery's line has all that a worker's has (fdatasync too), and the
 * same memory limit, which workers then inherit.  The nursery's
 * descriptors: the channel to the master and, for a moment, the two ends of
 * a worker's; its limit is far higher, for Linux counts against it what its
 * user has under way on channels.  A worker's: its channel, the client's
 * socket, one spool file, and what standard input, output and error may
 * still stand on.
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
	/* Who breaks into it can sync, and say that it was done. */
	[SANDBOX_DISK] = {
		.name = "disk",
		.rights = RIGHT_SYNC | RIGHT_RECV_FD,
		.memory_max_bytes = worker_memory_max_bytes,
		.descriptors_max = 8,
		.no_fork = true
	},
	/* It writes where it is told: what it is sent is open for that. */
	[SANDBOX_LOGGER] = {
		.name = "logger",
		.rights = RIGHT_IO | RIGHT_RECV_FD,
		.memory_max_bytes = worker_memory_max_bytes,
		.descriptors_max = 8,
		.no_fork = true
	},
	/* Who holds them from their birth, so no limit is below theirs. */
	[SANDBOX_KEEPER] = {
		.name = "keeper",
		.rights = RIGHT_IO | RIGHT_SYNC | RIGHT_RECV_FD |
		    RIGHT_FORK | RIGHT_EXEC_SELF,
		.memory_max_bytes = auth_memory_max_bytes,
		.descriptors_max = 4096,
		.no_fork = false
	}
};
