/*
 * Explaining a message of the log, or a session that was kept.
 */
#ifndef SERVER_EXPLAIN_H
#define SERVER_EXPLAIN_H

#include "server/log/lines.h"
#include "server/log/log_record.h"
#include "server/smtpctl/story.h"

/* A message of the log, and the file and number of its line. */
struct explain_message {
	const char		*path;
	uint64_t		 number;
	struct span		 line;
	struct log_record	 record;
};

/*
 * Prints all of m by story: as text with each recipient's steps; as JSON one
 * object, with the line unchanged and the places of the message.
 */
void	explain_message(const struct explain_message *m,
	    const struct story *story);
/*
 * Prints the kept session of a file of log/refused, whose name is path; as JSON
 * under the key "refused".  False: the file holds no session.
 */
bool	explain_refused(struct lines *lines, const char *path,
	    const struct story *story);

#endif
