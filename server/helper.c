/*
 * Listening to a process of ours that speaks with nobody else.
 */
#include "server/helper.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

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

int
helper_take(int channel, enum ipc_way way, struct ipc_record *out,
    const char **why)
{
	int passed;

	*why = "it has ended";
	switch (ipc_recv(channel, way, IPC_AT_ANY, false, out, &passed,
	    why)) {
	case IPC_GOT_RECORD:
		return 1;
	case IPC_GOT_NOTHING:
		return 0;
	case IPC_GOT_ERROR:
		*why = strerror(errno);
		break;
	case IPC_GOT_END:
	case IPC_GOT_BAD:
	case IPC_GOT_NO_ROOM:
		break;
	}
	return -1;
}
