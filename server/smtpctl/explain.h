/*
 * The parts of an explanation: finding a message, telling of it and of a
 * session.
 */
#ifndef SERVER_EXPLAIN_H
#define SERVER_EXPLAIN_H

#include <limits.h>
#include <stdio.h>

#include "server/log/log_record.h"
#include "server/smtpctl/story.h"

/* Where a delivered file is now. */
enum explain_state {
	EXPLAIN_NEW,		/* as it was delivered */
	EXPLAIN_CUR,		/* a mail program has taken it up */
	EXPLAIN_FOLDER,		/* in another folder of the same Maildir */
	EXPLAIN_GONE,
	EXPLAIN_UNKNOWN		/* errno says why it could not be looked for */
};

struct explain_place {
	enum explain_state	state;
	int			error;
	char			path[PATH_MAX];	/* of the file, or Maildir */
	char			folder[256];	/* ".Junk"; "" */
	char			flags[32];	/* "RS"; "" */
};

/*
 * Looks for file, as it was delivered into the Maildir of mailbox
 * ("alice@example.org"; in a catcher the Maildir's name) below root.
 */
void	explain_find(const char *root, struct span mailbox, struct span file,
	    struct explain_place *out);

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
