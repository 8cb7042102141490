/*
 * A process that answers the master alone: its first word, and those after it.
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
/*
 * What is next on channel, if anything is: 1, and 0 if not; or -1 and *why,
 * for the process is lost.
 */
int	helper_take(int channel, enum ipc_way way, struct ipc_record *out,
	    const char **why);

#endif
