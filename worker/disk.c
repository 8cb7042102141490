/*
 * The processes that wait for the disk, so that a sync can begin while
 * another is under way.  The master sends a descriptor; the process that takes
 * it syncs it, reports the result, and closes it.  Its sandbox permits nothing
 * else, not even reading or writing the file.
 */
#include <errno.h>
#include <unistd.h>

#include "worker/helper.h"

static void
take(int channel, const struct ipc_record *r, int passed)
{
	struct ipc_record answer = { .type = IPC_SYNCED };
	int result = r->u.sync.data ? fdatasync(passed) : fsync(passed);

	answer.u.synced.ticket = r->u.sync.ticket;
	answer.u.synced.error = result == -1 ? errno : 0;
	close(passed);
	helper_answer(channel, &answer);
}

void
disk_run(int channel)
{
	helper_serve(channel, SANDBOX_DISK, IPC_TO_DISK, disk_processes,
	    take);
}
