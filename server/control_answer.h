/*
 * The answer to one question on the control socket: records in a queue with
 * an end, made at once, so that nothing of it has to outlive a moment, and
 * sent as its reader reads.
 */
#ifndef SERVER_CONTROL_ANSWER_H
#define SERVER_CONTROL_ANSWER_H

#include "shared/ipc_msg.h"

enum { control_answer_max_bytes = 512 * 1024 };

/* Zero is valid and empty. */
struct control_answer {
	uint8_t	*octets;	/* records, each at a multiple of 8 */
	size_t	 n;
	size_t	 at;		/* of the first that is not sent */
	size_t	 room;
	bool	 cut;		/* a record found no room */
};

/* Adds r, whose type is set; without room it is left out, and END says so. */
void	control_answer_put(struct control_answer *a, struct ipc_record *r);
/* Adds END.  False when there is no memory even for it. */
bool	control_answer_end(struct control_answer *a);

enum control_sent {
	CONTROL_SENT_ALL,	/* a is empty again */
	CONTROL_SENT_SOME,	/* the reader has to read first, or its turn
				   is over */
	CONTROL_SENT_FAILED
};

/* Sends what fits now, at most max records. */
enum control_sent control_answer_send(struct control_answer *a, int fd,
	    unsigned max);
void	control_answer_clear(struct control_answer *a);

#endif
