/*
 * The nursery: forks workers when the master asks, and reports how they ended.
 * The keeper is the same program as another user: instead of workers it starts
 * helpers (shared/ipc_msg.h) when one was lost.
 */
#ifndef WORKER_NURSERY_H
#define WORKER_NURSERY_H

#include <stdbool.h>

#include "shared/os/sandbox_table.h"

enum {
	nursery_channel = 3,	/* inherited from the master */
	nursery_program = 4,	/* this program, opened by the master */
	nursery_exit_unsafe = 70 /* of a worker: its sandbox was not entered */
};

/*
 * Serves the master over nursery_channel until that is closed.  argv[0] is the
 * absolute path of this program; words from argv[2] on are for dial.  role:
 * nursery or keeper.  held: this image runs inside its sandbox already (it was
 * executed by a nursery).
 */
_Noreturn void	nursery_run(char *argv[], enum sandbox_role role,
		    bool held);

#endif
