/*
 * Waiting for a process that was just started to hold itself.
 */
#include "server/helper.h"

#include <poll.h>
#include <stdio.h>

#include "shared/ipc.h"

enum { start_patience_ms = 10000 };

int
helper_wait(int channel, enum ipc_way way, enum ipc_type ready, bool optional,
    struct helper *out, const char **why)
{
	struct pollfd fd = { .fd = channel, .events = POLLIN };
	static char text[ipc_text_bytes];
	struct ipc_record r;
	int passed;

	*why = "it says nothing";
	if (poll(&fd, 1, start_patience_ms) == 0)
		return -1;
	*why = "it ended at once";
	if (ipc_recv(channel, way, IPC_AT_ANY, true, &r, &passed, why) !=
	    IPC_GOT_RECORD)
		return -1;
	out->pid = r.u.text.pid;
	snprintf(text, sizeof(text), "%s", r.u.text.text);
	*why = text;
	snprintf(out->sandbox, sizeof(out->sandbox), "%s",
	    r.type == ready ? text : "none");
	return r.type == ready || optional ? 0 : -1;
}
