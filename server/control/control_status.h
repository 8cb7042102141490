/*
 * What smtpctl status says, written by the master.
 */
#ifndef SERVER_CONTROL_STATUS_H
#define SERVER_CONTROL_STATUS_H

#include <stdio.h>

#include "server/control/control_list.h"

/* Counters of one moment. */
struct control_moment {
	int64_t		ms;		/* by the monotonic clock; 0: none */
	uint64_t	value[COUNTER_COUNT];
};

/*
 * Writes the status for a person, with what happened since then a second;
 * all: each worker and each session, and all addresses.  Nothing that acts on
 * a terminal is written.
 */
void	control_status_text(struct master *m, const struct control_moment *then,
	    bool all, FILE *f);
/* Writes the status as one JSON object. */
void	control_status_json(struct master *m, const struct control_moment *then,
	    FILE *f);

#endif
