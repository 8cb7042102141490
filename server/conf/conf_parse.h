/*
 * The language of smtpd.conf and of the tables it names, as far as it can be
 * judged from bytes alone: lines, words, numbers, names.  Pure: no I/O, no
 * allocation, no globals.  What the keywords mean is in conf_keyword.
 */
#ifndef SERVER_CONF_PARSE_H
#define SERVER_CONF_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/span.h"

enum {
	conf_line_max_bytes = 4096,
	conf_words_max = 8,		/* twice what any keyword takes */
	conf_near_max_bytes = 32,	/* of a word that may be a keyword */
	conf_shown_max_bytes = 200,	/* of a word repeated in a message */
	conf_domain_max_bytes = 253	/* RFC 1035 2.3.4, without its root */
};

/* A word of a line.  Quotes are not part of text, but at points to them. */
struct conf_word {
	struct span	text;
	size_t		at;		/* offset in the line */
	bool		quoted;
};

struct conf_cut {
	struct conf_word	words[conf_words_max];
	size_t			count;
	size_t			end;	/* offset behind the last word */
	size_t			bad_at;	/* offset of what is wrong */
};

enum conf_value {
	CONF_VALUE_OK,
	CONF_VALUE_BAD,		/* not the form */
	CONF_VALUE_LARGE	/* the form, but over UINT64_MAX */
};

/* What a letter behind digits is worth; worth 1 is the last of a list. */
struct conf_unit {
	char		letter;		/* '\0': none */
	uint64_t	worth;
};

extern const struct conf_unit conf_units_none[];
extern const struct conf_unit conf_units_size[];	/* G, M, K: octets */
extern const struct conf_unit conf_units_time[];	/* d, h, m, s */

/*
 * "name" or "name:hash" of a users file.  Behind another colon stands what
 * only Dovecot's passwd-file knows: no part of the hash, and not rest.
 */
struct conf_user_line {
	struct span	name;
	bool		has_hash;
	struct span	hash;
	struct span	rest;		/* what should not be there */
};

/* "name: target, target" of an aliases file. */
struct conf_alias_line {
	struct span	name;
	bool		has_colon;
	struct span	targets;	/* for conf_parse_target */
};

/*
 * Takes the next line, without its LF, from *rest; false at the end.  The
 * last line needs no LF.
 */
bool	conf_parse_line(struct span *rest, struct span *line);
/*
 * What a line cannot hold, whatever it means, for people; *at is its offset.
 * NULL: nothing of it.
 */
const char *conf_check_line(struct span line, size_t *at);
/*
 * Cuts a line into words.  Blanks part them, "#" before a word ends the line,
 * an unquoted brace is a word of its own, and quotes take blanks, "#" and
 * braces into a word.  Words beyond conf_words_max are left out.  NULL; or
 * why it cannot be cut at bad_at, for people.
 */
const char *conf_cut_line(struct span line, struct conf_cut *out);
/* True when word is brace, and not in quotes. */
bool	conf_word_is_brace(const struct conf_word *word, char brace);
/* A line of a table without its comment and the blanks around it. */
struct span conf_trim_line(struct span line);

/* Digits, and the letter of a unit; without one they are of worth 1. */
enum conf_value conf_parse_number(struct span in,
	    const struct conf_unit *units, uint64_t *out);

/* Both take a line as conf_trim_line leaves it. */
void	conf_parse_user(struct span line, struct conf_user_line *out);
void	conf_parse_alias(struct span line, struct conf_alias_line *out);
/*
 * Takes the next target, which may be empty, without the blanks around it
 * from *rest; false at the end.
 */
bool	conf_parse_target(struct span *rest, struct span *target);

/* smtp_domain_valid, 253 octets, ASCII; with utf8_ok any visible UTF-8. */
bool	conf_domain_valid(struct span in, bool utf8_ok);
/* A name of an account: letters, digits, "-", "_", "."; 32 octets. */
bool	conf_account_valid(struct span in);
/* UTF-8 (ASCII without utf8_ok) whose every character can be seen. */
bool	conf_is_visible(struct span in, bool utf8_ok);
/* Can be the name of a directory: visible, no "/", no "." in front. */
bool	conf_name_is_file(struct span in);

/*
 * Edits (a letter more, less, another, or two exchanged; ASCII folded) from a
 * to b; SIZE_MAX when either is over conf_near_max_bytes.
 */
size_t	conf_distance(struct span a, struct span b);

/* The column, from 1 and in characters, of an offset in a line. */
size_t	conf_column(struct span line, size_t at);
/*
 * Writes the first character of in as a person may see it, escaped as \xNN
 * when it is not plain, and a NUL, into out; returns octets taken from in.
 * in is not empty.
 */
size_t	conf_show_char(struct span in, char out[17]);
/* Writes in so into out of room octets (8 at least), cut with "...". */
void	conf_show(struct span in, char *out, size_t room);

#endif
