/*
 * What became of a queued message: its lines of the message log, from all
 * files, in the order of their times.
 */
#ifndef SERVER_LIFE_H
#define SERVER_LIFE_H

#include "server/smtpctl/story.h"

struct life_line {
	char	*text;
	size_t	 n;
};

/* Zero is valid: no line was found. */
struct life {
	struct life_line	*lines;
	size_t			 count;
};

/* Adds a copy of line, which is r, unless r has nothing to say about id. */
void	life_add(struct life *l, const struct log_record *r, struct span line,
	    struct span id);
/*
 * Prints the lines, as text and as JSON; whose id is r's, or, where the log has
 * lost its first line, that of NULL.  Frees them.
 */
void	life_tell(struct life *l, struct span id, const struct log_record *r,
	    const struct story *s);

#endif
