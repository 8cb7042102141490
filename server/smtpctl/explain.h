/*
 * Telling of a message that the log has, and of a session that was kept.
 */
#ifndef SERVER_EXPLAIN_H
#define SERVER_EXPLAIN_H

#include "server/log/log_record.h"
#include "server/smtpctl/story.h"

/* A message of the log, and where its line stands. */
struct explain_message {
	const char		*path;
	uint64_t		 number;
	struct span		 line;
	struct log_record	 record;
};

/*
 * Tells all of it by story: to people with each recipient's steps, to programs
 * as one object, with the line as it is, and where the message lies.
 */
void	explain_message(const struct explain_message *m,
	    const struct story *story);
/*
 * Tells of the file of log/refused that fd is open for, path its name; as JSON
 * under the key "refused".  False: it is none.
 */
bool	explain_refused(int fd, const char *path, const struct story *story);

#endif
