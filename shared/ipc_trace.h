/*
 * The transcript of a session, from worker to master.  Payload of the table in
 * shared/ipc_msg.h.
 */
#ifndef SHARED_IPC_TRACE_H
#define SHARED_IPC_TRACE_H

#include <stdint.h>

enum { ipc_trace_bytes = 1024 };

enum ipc_trace_mode {
	IPC_TRACE_NONE,
	IPC_TRACE_LIVE,		/* each line at once, for the catcher */
	IPC_TRACE_KEEP		/* at the end, if a reply was an error */
};

enum ipc_trace_kind {
	IPC_TRACE_SERVER,
	IPC_TRACE_CLIENT,
	IPC_TRACE_REMARK,	/* the worker's, about what happened */
	IPC_TRACE_KIND_COUNT
};

enum { ipc_traces_max = 512 };	/* kept of one session */

/* One line or piece that was read or written, or a remark. */
struct ipc_trace {
	uint32_t	ms;		/* since the session began */
	uint8_t		kind;
	uint16_t	n;
	uint8_t		octets[ipc_trace_bytes];
};

#endif
