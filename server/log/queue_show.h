/* Messages of the queue as smtpctl queue shows them, and which it means. */
#ifndef SERVER_QUEUE_SHOW_H
#define SERVER_QUEUE_SHOW_H

#include <stdio.h>

#include "server/log/json.h"
#include "shared/ipc.h"

struct queue_row {
	char		 id[ipc_id_bytes + 1];
	int64_t		 age_s;		/* since it was queued */
	int64_t		 wait_s;	/* until it is due; <= 0: now */
	uint32_t	 size_kib;
	uint32_t	 left;		/* recipients that wait */
	uint32_t	 tries;
	bool		 held;
	bool		 busy;		/* it is being sent, or about to be */
	bool		 parked;	/* its hosts take no more now */
	const struct envelope *envelope; /* NULL: it cannot be read */
	const uint8_t	*done;		/* a bit a recipient; NULL: none is */
};

/* Both streams, of which one is NULL. */
struct queue_out {
	FILE		*f;
	struct json_out	*j;
};

/* Does ask mean the message, as far as its envelope does not matter; and it? */
bool	queue_show_may(const struct ipc_ask *ask, const struct queue_row *row);
bool	queue_show_fits(const struct ipc_ask *ask,
	    const struct queue_row *row);
/* Adds a line, behind a head if it is the first; whole: all recipients. */
void	queue_show_row(const struct queue_row *row, bool whole, bool first,
	    const struct queue_out *o);

#endif
