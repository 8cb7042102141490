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
 * Writes the status, with rates a second since then, as one JSON object or as
 * text for a person, in which nothing acts on a terminal.  False: a process
 * that should run is missing.
 */
bool	control_status(struct master *m, const struct control_moment *then,
	    const struct control_out *o);

#endif
