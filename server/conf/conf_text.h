/*
 * The text of a configuration file or table in memory, and the mistakes found
 * in it: where each is, shown so that a person sees it.
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

/* Zero is valid and empty. */
struct conf_text {
	const char	*path;		/* borrowed */
	uint8_t		*bytes;
	size_t		 n;
};

/* A line; what of it may be shown (a hash must not) is shown_max octets. */
struct conf_place {
	const char	*path;
	unsigned	 number;
	struct span	 line;
	size_t		 shown_max;
};

struct conf_report {
	FILE		*err;
	unsigned	 count;		/* mistakes; 0: the text is sound */
	bool		 full;		/* one more was found */
	bool		 muted;		/* of a file that was judged before */
	struct conf_place place;	/* the line at hand */
};

/*
 * NULL; or why path cannot be read, for people, until the next call: with
 * EACCES, which file or directory is closed to whom.
 */
const char *conf_text_read(const char *path, struct conf_text *out);
/* Wipes the text, for a users file has hashes in it. */
void	conf_text_free(struct conf_text *text);
/* The line of that number, whole; empty when there is none. */
struct conf_place conf_text_place(const struct conf_text *text,
	    unsigned number);
/*
 * Steps place to the next line of text, rest being what is left (all of it
 * at first, with place zero); false at the end.
 */
bool	conf_text_next(const struct conf_text *text, struct span *rest,
	    struct conf_place *place);
/* Reports what the line at hand cannot hold; true when it is sound. */
bool	conf_text_check(struct conf_report *report);

/*
 * Reports a mistake at an offset of the line at hand: the message behind file,
 * line and column, the line, a caret.  False, so that a check ends with it.
 */
bool	conf_report_at(struct conf_report *report, size_t at,
	    const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The mistake "bad WHAT "WORD": WANT" of a word; false. */
bool	conf_report_bad(struct conf_report *report,
	    const struct conf_word *word, const char *what, const char *want);
/* Behind a mistake: "did you mean "HINT"?" */
void	conf_report_hint(struct conf_report *report, const char *hint);
/* Reports a mistake at word number word, from 0, of a line of text. */
void	conf_report_word(struct conf_report *report,
	    const struct conf_text *text, unsigned number, size_t word,
	    const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Reports a mistake of a file as a whole. */
void	conf_report_file(struct conf_report *report, const char *path,
	    const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
