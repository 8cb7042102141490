/*
 * A mail server that takes what is sent to it, or does not, as a test says: a
 * process of its own, which ends with the test.
 */
#ifndef T_SYSTEM_SINK_H
#define T_SYSTEM_SINK_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Recipients: a local part that begins with three digits gets these as the code
 * of its reply ("450later", "550no").  The mode is a word, for connections from
 * now on:
 *	take	every message, with 250
 *	busy	421 as the greeting; never: 554; nomail: 521
 *	mail	450 to MAIL; mail5: 550 5.7.1
 *	dot	451 to the final dot; dot5: 554
 *	lost	the connection ends before the reply to the final dot
 *	hold	the reply to the final dot waits until the mode changes
 *	data	the connection ends before the reply to DATA
 *	once	421 to the second MAIL of a connection
 *	slow	the greeting comes after 20 s
 */
struct sink {
	int	end;		/* closed: it ends */
	int	port;
	char	dir[96];	/* of messages, and of the mode */
};

/* Starts one whose files are in DIR/name; port 0: any. */
void	sink_start(struct sink *s, const char *name, const char *mode,
	    int port);
void	sink_mode(const struct sink *s, const char *mode);
void	sink_stop(struct sink *s);
/* Messages taken, or held, so far. */
size_t	sink_count(const struct sink *s);
/*
 * The n-th (from 0) of them in order of arrival, for the caller to free: the
 * lines of MAIL and RCPT, an empty one, and the content without dots added.
 */
char	*sink_message(const struct sink *s, size_t n, size_t *size);
/*
 * How many of the last messages are that of client_mail or queue_mail with this
 * number; the test fails unless each is whole.
 */
size_t	sink_copies(const struct sink *s, unsigned number, size_t size);
/* Connections so far. */
size_t	sink_connections(const struct sink *s);

#endif
