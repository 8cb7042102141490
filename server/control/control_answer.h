/*
 * The answer to one question on the control socket: text that is written at
 * once, a snapshot of the master, and sent as fast as the peer reads.
 */
#ifndef SERVER_CONTROL_ANSWER_H
#define SERVER_CONTROL_ANSWER_H

#include <stdio.h>

#include "shared/ipc_msg.h"

/* Zero is valid and empty. */
struct control_answer {
	char	*text;
	size_t	 n;
	size_t	 at;		/* index of the first unsent octet */
	uint8_t	 status;	/* what smtpctl exits with */
	bool	 due;		/* END is not sent yet */
};

/* A stream into a; NULL without memory. */
FILE	*control_answer_open(struct control_answer *a);
/* Ends the stream and the answer.  False without memory: nothing is due. */
bool	control_answer_close(struct control_answer *a, FILE *f,
	    uint8_t status);

enum control_sent {
	CONTROL_SENT_ALL,	/* a is empty again */
	CONTROL_SENT_SOME,	/* the peer has to read, or max were sent */
	CONTROL_SENT_FAILED
};

/* Sends what fits now, at most max records. */
enum control_sent control_answer_send(struct control_answer *a, int fd,
	    unsigned max);
void	control_answer_clear(struct control_answer *a);

#endif
