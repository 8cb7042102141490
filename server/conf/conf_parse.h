/*
 * The syntax of smtpd.conf and of the tables it names: lines, words, numbers,
 * names.  Pure: no I/O, no allocation, no globals.  What the keywords mean is
 * in conf_keyword.
 */
#ifndef SERVER_CONF_PARSE_H
#define SERVER_CONF_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/*
 * "name" or "name:hash" of a users file.  A second colon begins the other
 * fields of Dovecot's passwd-file, which are ignored.
 */
struct conf_user_line {
	struct span	name;
	struct span	hash;		/* p NULL: there is none */
	struct span	rest;		/* unexpected text behind that */
};

/* NULL; or what is allowed in no line, for people, and its offset in *at. */
const char *conf_check_line(struct span line, size_t *at);
/*
 * Checks a line and cuts it into words at blanks.  "#" before a word ends it,
 * an unquoted brace is a word of its own, and quotes take blanks, "#" and
 * braces into a word.  Words beyond conf_words_max are left out.  NULL; or
 * the mistake at bad_at, for people.
 */
const char *conf_cut_line(struct span line, struct conf_cut *out);
/* True when word is brace, and not in quotes. */
bool	conf_word_is_brace(const struct conf_word *word, char brace);
/* A line of a table without its comment and the blanks around it. */
struct span conf_trim_line(struct span line);

/*
 * Parses digits and a unit's letter; digits alone have the unit of worth 1, and
 * what is over UINT64_MAX is UINT64_MAX.  False: not of that form.
 */
bool	conf_parse_number(struct span in, const struct conf_unit *units,
	    uint64_t *out);

/* Parses a line as conf_trim_line returns it. */
void	conf_parse_user(struct span line, struct conf_user_line *out);
/*
 * Takes the text before the first end, or all, off *rest, and end too; *out is
 * without the blanks around it.  True: there was an end.
 */
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
 * In punycode.c: writes domain and a NUL into out, ASCII letters folded and
 * each label with other characters as an A-label, xn-- (RFC 3492, RFC 5890
 * 2.3.2.1).  Nothing is mapped: labels with non-ASCII capitals or decomposed
 * characters are no U-labels (RFC 5891 5.3, 5.4), and get another A-label than
 * the names they look like.  False, out undefined: domain is not UTF-8, has a
 * NUL or an empty label, or the result has over 255 octets or a label of over
 * 63.
 */
bool	punycode_domain(struct span domain, char out[punycode_domain_bytes]);

/*
 * Writes in, by buf_add_escaped, and a NUL into out of room octets (at least
 * 8), cut with "...".
 */
void	conf_show(struct span in, char *out, size_t room);

#endif
