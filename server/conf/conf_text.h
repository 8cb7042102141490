/* The text of a configuration file or table, and reports of its mistakes. */
#ifndef SERVER_CONF_TEXT_H
#define SERVER_CONF_TEXT_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "server/conf/conf_parse.h"

enum {
	conf_mistakes_max = 20,		/* shown of one configuration */
	conf_text_max_bytes = 64 * 1024 * 1024	/* of one file */
};

struct conf_text {
	const char	*path;		/* borrowed */
	uint8_t		*bytes;
	size_t		 n;
	mode_t		 mode;
	bool		 denied;	/* this user may not read it */
};

/* A line; its first shown_max octets may be shown (a hash must not). */
struct conf_place {
	const char	*path;
	unsigned	 number;
	struct span	 line;
	size_t		 shown_max;
};

struct conf_report {
	FILE		*err;
	unsigned	 count;		/* mistakes; 0: the text is sound */
	bool		 muted;		/* nothing is shown or counted */
	struct conf_place place;	/* the current line */
};

/* NULL; or why path cannot be read, for people, valid until the next call. */
const char *conf_text_read(const char *path, struct conf_text *out);
/* Wipes and frees the text: a users file has hashes in it. */
void	conf_text_free(struct conf_text *text);
/* Moves report to a line of text; returns the offset of word, from 0, in it. */
size_t	conf_text_seek(const struct conf_text *text,
	    struct conf_report *report, unsigned number, size_t word);
/* Moves place (at first zero) to the next line of rest; false at the end. */
bool	conf_text_next(const struct conf_text *text, struct span *rest,
	    struct conf_place *place);

/*
 * Reports a mistake at an offset of the current line, with the line and a
 * caret; at line 0, of the file.  False, for a check to return.
 */
bool	conf_report_at(struct conf_report *report, size_t at,
	    const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Reports "bad WHAT "WORD": WANT" at word; returns false. */
bool	conf_report_bad(struct conf_report *report,
	    const struct conf_word *word, const char *what, const char *want);
/* Adds to a mistake: "did you mean "HINT"?" */
void	conf_report_hint(struct conf_report *report, const char *hint);

#endif
