/*
 * The nursery: forks workers when the master asks, tells how they died.
 */
#ifndef WORKER_NURSERY_H
#define WORKER_NURSERY_H

#include <stdbool.h>

enum {
	nursery_channel = 3,	/* inherited from the master */
	nursery_program = 4	/* this program, opened by the master */
};

/*
 * Serves the master over nursery_channel until that is closed.  program is
 * the absolute path of this program.  held: this image runs inside the
 * nursery's sandbox already (it was executed by a nursery).
 */
_Noreturn void	nursery_run(const char *program, bool held);

#endif
