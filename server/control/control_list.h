/*
 * The lists in what smtpctl status says: processes, sessions, addresses.
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

extern const char *const control_state_words[STATE_COUNT];

/* Counted, for all sessions there are; their sum. */
uint64_t control_count_sessions(const struct master *m,
	    uint64_t count[SESSION_STATE_COUNT]);

/* Where a list is written, and how long it is. */
struct control_list {
	FILE		*f;
	struct json_out	*j;		/* NULL: as text */
	size_t		 count;
};

/* Every process but the workers. */
void	control_list_owners(const struct master *m, struct control_list *s);
/* At most ipc_sessions_max of them; and how many there are, as text. */
void	control_list_workers(const struct master *m, struct control_list *s);
void	control_list_worker_counts(const struct master *m, FILE *f);
/* Writes at most ipc_sessions_max of them, and counts all. */
void	control_list_sessions(const struct master *m, struct control_list *s);
/* The busiest and those refused, as JSON. */
void	control_list_addresses(struct master *m, struct json_out *j);

#endif
