/*
 * The parts of an explanation: finding a message, telling of it to people,
 * or to programs as JSON.
 */
#ifndef SERVER_EXPLAIN_H
#define SERVER_EXPLAIN_H

#include <limits.h>
#include <stdio.h>

#include "server/log/log_record.h"

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
	const char		*root;
	const char		*path;
	uint64_t		 number;
	struct span		 line;
	struct log_record	 record;
};

/*
 * The whole of it, laid out for people.  Of files that the log names only
 * those are opened that the configuration conf (NULL: the usual one) names
 * today: who wrote the log may not choose what root reads.
 */
void	explain_message_text(const struct explain_message *m,
	    const char *conf, FILE *f);
/* One JSON object, without LF: the line as it is, and where it lies. */
void	explain_message_json(const struct explain_message *m, FILE *f);
/* Recipients with their steps; refused: only the word is another. */
void	explain_rcpts_text(struct span list, struct span time,
	    const char *conf, FILE *f);
/* A file of log/refused, read from fd; false: it is none. */
bool	explain_refused_text(int fd, const char *path, const char *conf,
	    FILE *f);
bool	explain_refused_json(int fd, FILE *f);
/* Says so where mail and spool of root are on two file systems. */
void	explain_apart(const char *root, FILE *f);
/* Prints s with everything that could harm a terminal made visible. */
void	explain_put(struct span s, FILE *f);
/* As explain_put, of a text as it stands in JSON. */
void	explain_put_raw(struct span raw, FILE *f);

#endif
