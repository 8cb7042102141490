/*
 * How a process that answers the master alone begins: in its sandbox, before
 * any secret is in it.
 */
#ifndef WORKER_HELD_H
#define WORKER_HELD_H

#include "shared/ipc_msg.h"
#include "shared/sandbox_table.h"

/*
 * Tries that role holds, enters it, and says so on channel by a record of
 * type ready; or by one of type unsafe, what is missing.  Ends the process
 * when nobody hears that.
 */
void	held_begin(int channel, enum sandbox_role role, enum ipc_type ready,
	    enum ipc_type unsafe);

#endif
