/* The syntax of smtpd.conf and its tables: lines, words, numbers, names. */
#ifndef SERVER_CONF_PARSE_H
#define SERVER_CONF_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "shared/smtp_syntax.h"

enum {
	conf_line_max_bytes = 4096,
	conf_words_max = 8,		/* twice what any keyword takes */
	conf_shown_max_bytes = 200,	/* of a word repeated in a message */
	conf_path_shown_bytes = 4 * 4096,	/* of any path, whole */
	conf_domain_max_bytes = 253	/* RFC 1035 2.3.4, without its root */
};

/* A word of a line.  text excludes the quotes; at is where they begin. */
struct conf_word {
	struct span	text;
	size_t		at;		/* offset in the line */
	bool		quoted;
};

struct conf_cut {
	struct conf_word	words[conf_words_max];
	size_t			count;
	size_t			end;	/* offset behind the last word */
	size_t			bad_at;	/* offset of a mistake */
};

/* A unit's letter and worth; a list of units ends with worth 1. */
struct conf_unit {
	char		letter;		/* '\0': none */
	uint64_t	worth;
};

extern const struct conf_unit conf_units_number[];
extern const struct conf_unit conf_units_size[];	/* G, M, K: octets */
extern const struct conf_unit conf_units_time[];	/* d, h, m, s */

/* "name" or "name:hash"; other fields of Dovecot's passwd-file are ignored. */
struct conf_user_line {
	struct span	name;
	struct span	hash;		/* p NULL: there is none */
	struct span	rest;		/* unexpected text behind that */
};

/* NULL; or what is allowed in no line, for people, and its offset in *at. */
const char *conf_check_line(struct span line, size_t *at);
/*
 * Checks a line and cuts it into at most conf_words_max words at blanks.  "#"
 * ends it, a brace is a word, and quotes take all these into a word.  NULL; or
 * the mistake at bad_at, for people.
 */
const char *conf_cut_line(struct span line, struct conf_cut *out);
/* True when word is brace, and not in quotes. */
bool	conf_word_is_brace(const struct conf_word *word, char brace);
/* A line of a table without its comment and the blanks around it. */
struct span conf_trim_line(struct span line);

/* Parses digits and, if any, a unit's letter, up to UINT64_MAX.  False: bad. */
bool	conf_parse_number(struct span in, const struct conf_unit *units,
	    uint64_t *out);

/* Parses a line as conf_trim_line returns it. */
void	conf_parse_user(struct span line, struct conf_user_line *out);
/* Takes the text before end, trimmed, and end.  True: end was there. */
bool	conf_take_part(struct span *rest, char end, struct span *out);

/* smtp_domain_valid, at most 253 octets, visible ASCII or, utf8_ok, UTF-8. */
bool	conf_domain_valid(struct span in, bool utf8_ok);
/* True for a user name: at most 32 letters, digits, "-", "_" and ".". */
bool	conf_account_valid(struct span in);
/* True for UTF-8 (ASCII without utf8_ok) with visible characters only. */
bool	conf_is_visible(struct span in, bool utf8_ok);
/* True for a directory's name: visible, no "/", no "." in front. */
bool	conf_name_is_file(struct span in);

enum { punycode_domain_bytes = smtp_domain_max_bytes + 1 };

/*
 * In punycode.c: writes domain and a NUL into out, ASCII folded and other
 * labels as A-labels, xn-- (RFC 3492, RFC 5890 2.3.2.1).  Nothing is mapped:
 * what is no U-label (RFC 5891 5.3, 5.4) gets another A-label than what it
 * looks like.  False: not UTF-8, a NUL, an empty label, or more than 255 octets
 * or 63 in a label.
 */
bool	punycode_domain(struct span domain, char out[punycode_domain_bytes]);

/* Writes in, escaped, and a NUL; cut with "..." to room (at least 8) octets. */
void	conf_show(struct span in, char *out, size_t room);
/* The same, for conf_shown_max_bytes; the last four results stay valid. */
const char *conf_shown(struct span in);

/* ---- conf_text.c: the text of a file, and reports of its mistakes -------- */

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

/* Reports a mistake at an offset of the line, or (line 0) the file.  False. */
bool	conf_report_at(struct conf_report *report, size_t at,
	    const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Reports "bad WHAT "WORD": WANT" at word; returns false. */
bool	conf_report_bad(struct conf_report *report,
	    const struct conf_word *word, const char *what, const char *want);
/* Adds to a mistake: "did you mean "HINT"?" */
void	conf_report_hint(struct conf_report *report, const char *hint);

/* ---- wrong_word.c: the message for a wrong command line ------------------ */

enum { wrong_word_bytes = 400 };

/*
 * Writes the message, escaped, after getopt_long(3), with opterr and optopt 0
 * before, has failed or left a word too many (argv[optind]) or too few.  usage
 * has a blank behind each option that takes a value, "-f file".
 */
void	wrong_word(const char *usage, int argc, char *argv[],
	    char out[wrong_word_bytes]);
/* The same for word, wrong for the reason what; list has the known words. */
void	wrong_word_of(const char *list, const char *word, const char *what,
	    char out[wrong_word_bytes]);
/* The word of list that word was meant to be, by at most two edits; or "". */
struct span wrong_word_near(const char *list, struct span word);

#endif
