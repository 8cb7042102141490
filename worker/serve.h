/*
 * The life of an smtp worker, from its fork to its exit.
 */
#ifndef WORKER_SERVE_H
#define WORKER_SERVE_H

#include "shared/ipc_msg.h"

/*
 * Runs in a fresh child of the nursery, which has prepared the sandbox:
 * enters it, serves as many sessions as the settings say, exits.
 */
_Noreturn void	serve(int channel, const struct ipc_settings *settings);

enum { serve_exit_unsafe = 70 };	/* the sandbox could not be entered */

#endif
