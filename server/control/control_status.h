/*
 * What smtpctl status says, written by the master.
 */
#ifndef SERVER_CONTROL_STATUS_H
#define SERVER_CONTROL_STATUS_H

#include "server/control/control_list.h"

/* Counters of one moment. */
struct control_moment {
	int64_t		ms;		/* by the monotonic clock; 0: none */
	uint64_t	value[COUNTER_COUNT];
};

/*
 * Writes the status, with what happened since then a second: for a person, and
 * then nothing that acts on a terminal, or as one JSON object.  False: a
 * process is missing that should be there.
 */
bool	control_status(struct master *m, const struct control_moment *then,
	    const struct control_out *o);

#endif
