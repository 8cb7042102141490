/*
 * The process that writes the log file, which may take as long as its disk.
 * After an error it writes nothing until the master sends the failed lines
 * again: no line is lost, and only a full disk can leave a part of a line.
 */
#include <errno.h>
#include <unistd.h>

#include "worker/helper.h"

static int file = -1;
static bool failed;

static void
write_lines(int channel, const struct ipc_lines *l)
{
	struct ipc_record r = { .type = IPC_LOG_WRITTEN };
	ssize_t n = 0;

	failed = failed && !l->again;
	while (!failed && r.u.written.n < l->n) {
		n = write(file, l->octets + r.u.written.n,
		    l->n - r.u.written.n);
		if (n == -1)
			r.u.written.error = errno;
		else
			r.u.written.n += (uint32_t)n;
		failed = n == -1 && errno != EINTR;
	}
	if (failed && r.u.written.error == 0)
		r.u.written.error = ECANCELED;
	helper_answer(channel, &r);
}

static void
take(int channel, const struct ipc_record *r, int passed)
{
	if (r->type == IPC_LOG_LINES) {
		write_lines(channel, &r->u.lines);
		return;
	}
	if (file != -1)
		close(file);
	file = passed;
}

void
logger_run(int channel)
{
	helper_serve(channel, SANDBOX_LOGGER, IPC_TO_LOGGER, 1, take);
}
