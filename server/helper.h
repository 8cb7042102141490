/*
 * A process that answers the master alone: its first word.
 */
#ifndef SERVER_HELPER_H
#define SERVER_HELPER_H

#include <sys/types.h>

#include "shared/ipc_msg.h"

struct helper {
	pid_t	pid;			/* as it says */
	char	sandbox[ipc_text_bytes];
};

/*
 * Waits for the record that says whether anything holds the process on
 * channel: one of type ready, or any other of that way, which is enough where
 * optional.  0; or -1 and *why.
 */
int	helper_wait(int channel, enum ipc_way way, enum ipc_type ready,
	    bool optional, struct helper *out, const char **why);

#endif
