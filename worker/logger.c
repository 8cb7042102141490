/*
 * The process that writes the log file, which may take as long as its disk.
 * After an error it writes nothing until the master sends the failed lines
 * again: no line is lost, and only a full disk can leave a part of a line.
 */
#include <errno.h>
#include <unistd.h>

#include "shared/file.h"
#include "shared/ipc.h"
#include "worker/helper.h"

static int file = -1;
static bool failed;

static void
take(int channel, const struct ipc_record *r, int passed)
{
	struct ipc_record answer = { .type = IPC_LOG_WRITTEN };
	struct ipc_written *w = &answer.u.written;
	const struct ipc_lines *l = &r->u.lines;

	if (r->type != IPC_LOG_LINES) {
		if (file != -1)
			close(file);
		file = passed;
		return;
	}
	errno = ECANCELED;
	failed = failed && !l->again;
	if (!failed)
		w->n = (uint32_t)file_write(file, span_from(l->octets, l->n));
	failed = failed || w->n < l->n;
	w->error = failed ? errno : 0;
	/* A killed master leaves lines in the channel: on to its end. */
	(void)ipc_send(channel, &answer, -1, true);
}

void
logger_run(int channel)
{
	helper_serve(channel, SANDBOX_LOGGER, IPC_TO_LOGGER, 1, take);
}
