/*
 * The story of a decision, told step by step: what was decided, as the logs
 * have it, and what would be, by a dry run, in the same words, to people as
 * text and to programs as JSON.
 */
#ifndef SERVER_STORY_H
#define SERVER_STORY_H

#include <stdio.h>

#include "server/log/decision.h"
#include "server/log/json_out.h"
#include "shared/buf.h"

struct story {
	FILE		*f;
	struct json_out	*json;		/* into f; NULL: as text */
	const char	*root;		/* where the Maildirs are */
	const char	*client;
	/*
	 * Of what was recorded: when (as the log has it, or ""), and the
	 * configuration that says which files may be shown (NULL: the usual
	 * one).  Who wrote the log may not choose what root reads.
	 */
	struct span	 recorded;
	const char	*conf;
};

/*
 * A command and what is behind it: begin, the steps, end with the reply.  what
 * is "client", "mail" or "rcpt"; title is what the client says.
 */
void	story_begin(const struct story *s, const char *what,
	    struct span title);
void	story_step(const struct story *s, const struct decision_step *step);
void	story_end(const struct story *s, bool accepted, const char *reply);
/* As text: says so where mail and spool of root are on two file systems. */
void	story_apart(const struct story *s);
/* The step of that word; STEP_COUNT: none has it. */
enum decision_kind story_kind(struct span word);
/* Adds s with everything that could harm a terminal made visible. */
void	story_show(struct span s, struct buf *out);

#endif
