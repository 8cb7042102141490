/*
 * The lists in the output of smtpctl status: processes, sessions, addresses.
 */
#ifndef SERVER_CONTROL_LIST_H
#define SERVER_CONTROL_LIST_H

#include <stdio.h>

#include "server/log/json_out.h"
#include "server/session/session.h"

/* What a process or a session does now; one table, one word each. */
#define CONTROL_STATES(X)						\
	SESSION_STATES(X)						\
	POOL_STATES(X)							\
	X(LOST, "lost")		/* a helper that has ended */		\
	X(STOPPING, "stopping")	/* a master */

#define CONTROL_STATE_NAME(name, text) STATE_##name,
enum control_state { CONTROL_STATES(CONTROL_STATE_NAME) STATE_COUNT };
#undef CONTROL_STATE_NAME

/* Where an answer is written, and in which form. */
struct control_out {
	FILE		*f;
	struct json_out	*j;	/* into f; NULL: as text */
	bool		 all;	/* as text: each worker, session, address */
};

/* Writes a line of text: "label          ...". */
void	control_line(const struct control_out *o, const char *label,
	    const char *format, ...) __attribute__((format(printf, 3, 4)));
uint64_t control_age_ms(int64_t since_ms);
/* Counts the sessions in each state; returns their sum. */
uint64_t control_count_sessions(const struct master *m,
	    uint64_t count[SESSION_STATE_COUNT]);

/* At most ipc_sessions_max workers; as text without all, their numbers. */
void	control_list_processes(const struct master *m,
	    const struct control_out *o);
/* At most ipc_sessions_max; as text only with all. */
void	control_list_sessions(const struct master *m,
	    const struct control_out *o);
/* The busiest addresses, and those refused. */
void	control_list_addresses(struct master *m, const struct control_out *o);

#endif
