/* The story of a decision, from the logs or from a dry run, as text or JSON. */
#ifndef SERVER_STORY_H
#define SERVER_STORY_H

#include <stdio.h>

#include "server/log/decision.h"
#include "server/log/log_record.h"
#include "shared/smtp_reply.h"

struct story {
	/* Each fact is written to both, of which one leads nowhere. */
	FILE		*f;		/* text */
	struct json_out	*json;
	const char	*root;		/* where the Maildirs are */
	const char	*client;
	struct span	 recorded;	/* when, as logged; "": a dry run */
	/*
	 * Configuration (NULL: the default), which names all that may be shown.
	 */
	const char	*conf;
};

/* From now on a story goes to standard output, as text or as JSON. */
void	story_start(struct story *s, bool json);
/* A command ("client", "mail" or "rcpt") and its decision: steps, reply. */
void	story_begin(const struct story *s, const char *what,
	    const char *format, ...) __attribute__((format(printf, 3, 4)));
void	story_step(const struct story *s, const struct decision_step *step);
void	story_end(const struct story *s, bool accepted, const char *reply);
/* The same with a reply of our table; returns true when it is no error. */
bool	story_end_reply(const struct story *s, const char *hostname,
	    enum smtp_reply reply);
/* As text: warns where mail and spool of root are on two file systems. */
void	story_apart(const struct story *s);
/* The step that word names; STEP_COUNT: none. */
enum decision_kind story_kind(struct span word);
/* s, safe for a terminal; the last four results stay valid. */
const char *story_shown(struct span s);
/* A text without JSON's escapes, and a NUL; the last four stay valid. */
struct span story_text(struct span raw);
/* The same, safe for a terminal. */
const char *story_raw(struct span raw);

/* A line of the message log, and where it stands. */
struct story_line {
	char		*text;
	size_t		 n;
	const char	*path;
	uint64_t	 number;
};

/* The record of a line that was read before it was kept. */
struct log_record story_record(const struct story_line *line);
/*
 * In life.c: prints what became of message id, by those of the sorted lines
 * that are not its first; that is r, or NULL: the log has lost it.
 */
void	life_tell(const struct story_line *lines, size_t count,
	    struct span id, const struct log_record *r, const struct story *s);
/* Prints "2026-11-24T00:16:26Z" without T and Z. */
void	life_put_time(struct span time, FILE *f);
/* Prints where r, a logged message, is in each Maildir. */
void	life_tell_places(const struct log_record *r, const struct story *s);

#endif
