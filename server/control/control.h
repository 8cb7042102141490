/* The control socket: smtpctl asks, the master answers, and neither waits. */
#ifndef SERVER_CONTROL_H
#define SERVER_CONTROL_H

#include <stdio.h>

#include "server/master.h"

/* Serves the listening socket fd (control_bind).  0, or -1 without memory. */
int	control_start(struct master *m, int fd);
/* Closes the socket and its connections; removes its name if below root. */
void	control_stop(struct master *m);

/*
 * The name of a socket below root, which the master's user makes; NULL: it is
 * elsewhere, and made by the user that starts smtpd.
 */
const char *control_name_inside(const struct conf *conf);
/*
 * Before the sandbox is entered: binds path, and listens; only owner (NULL:
 * this user) and root can connect.  A dead socket is removed first; with
 * take_over, any.  A non-blocking descriptor; or -1, and *why in words for
 * fatal().
 */
int	control_bind(const char *path, const struct identity *owner,
	    bool take_over, const char **why);

/* The answer to one question, which the peer reads.  Zero is empty. */
struct control_answer {
	char	*text;
	size_t	 n;
	size_t	 at;		/* index of the first unsent octet */
	uint8_t	 status;	/* what smtpctl exits with */
	bool	 due;		/* text, or END, is not sent yet */
	bool	 more;		/* no END: another piece follows */
};

/* A stream into a; NULL without memory. */
FILE	*control_answer_open(struct control_answer *a);
/* Ends the stream, and the answer unless more follows.  False: no memory. */
bool	control_answer_close(struct control_answer *a, FILE *f,
	    uint8_t status, bool more);

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
