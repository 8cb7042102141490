/*
 * The text of a configuration file or table in memory, and reports of the
 * mistakes found in it, which show a person where each is.
 */
#ifndef SERVER_CONF_TEXT_H
#define SERVER_CONF_TEXT_H

#include <stdbool.h>
#include <stdio.h>

#include "server/conf/conf_parse.h"

enum {
	conf_mistakes_max = 20,		/* shown of one configuration */
	conf_text_max_bytes = 64 * 1024 * 1024	/* of one file */
};

struct conf_text {
	const char	*path;		/* borrowed */
	uint8_t		*bytes;
	size_t		 n;
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
	bool		 full;		/* conf_mistakes_max was exceeded */
	bool		 muted;		/* nothing is shown or counted */
	struct conf_place place;	/* the current line */
};

/*
 * NULL; or why path cannot be read, for people, valid until the next call: with
 * EACCES, which file or directory bars which user.
 */
const char *conf_text_read(const char *path, struct conf_text *out);
/* Wipes and frees the text: a users file has hashes in it. */
void	conf_text_free(struct conf_text *text);
/* The line of that number, whole; empty when there is none. */
struct conf_place conf_text_place(const struct conf_text *text,
	    unsigned number);
/* Moves place (at first zero) to the next line of rest; false at the end. */
bool	conf_text_next(const struct conf_text *text, struct span *rest,
	    struct conf_place *place);
/* Reports what conf_check_line finds in the current line; true: nothing. */
bool	conf_text_check(struct conf_report *report);

/*
 * Reports a mistake at an offset of the current line: file, line, column and
 * message, then the line and a caret.  Returns false, for a check to return.
 */
bool	conf_report_at(struct conf_report *report, size_t at,
	    const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Reports "bad WHAT "WORD": WANT" at word; returns false. */
bool	conf_report_bad(struct conf_report *report,
	    const struct conf_word *word, const char *what, const char *want);
/* Adds to a mistake: "did you mean "HINT"?" */
void	conf_report_hint(struct conf_report *report, const char *hint);
/* Reports a mistake at word number word, from 0, of a line of text. */
void	conf_report_word(struct conf_report *report,
	    const struct conf_text *text, unsigned number, size_t word,
	    const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Reports a mistake of a file as a whole. */
void	conf_report_file(struct conf_report *report, const char *path,
	    const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
