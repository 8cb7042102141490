/*
 * The subset of JSON in our own files: numbers, strings, arrays and objects
 * without blanks, each text in one spelling only, so that a text that is read
 * and written again is the same to the octet.  Pure.
 */
#ifndef SERVER_JSON_H
#define SERVER_JSON_H

#include "shared/buf.h"

/* The rest to be read; bad: the text is not of the expected form. */
struct json {
	struct span	 rest;
	bool		 bad;
	struct buf	*out;		/* to write to; NULL: read rest */
};

/* Takes text, literally; bad when other text comes next. */
void	json_take(struct json *j, const char *text);
/* Takes text if it comes next; false: it does not. */
bool	json_took(struct json *j, const char *text);
/* Takes a number without needless zeros. */
uint64_t json_take_u64(struct json *j);
/* Takes a string; returns what is between its quotes, still escaped. */
struct span json_take_string(struct json *j);

/*
 * The form of an object, written once for both directions: with out each call
 * adds the next part, without out it takes that part.  raw is escaped.
 */
void	json_literal(struct json *j, const char *text);
void	json_text(struct json *j, const char *key, struct span *raw);
void	json_number(struct json *j, const char *key, uint64_t *value);

/*
 * Adds s for between quotes: the quote, the backslash, controls and DEL are
 * escaped; octets that are not UTF-8 become U+FFFD.
 */
void	json_add_text(struct buf *b, struct span s);
/*
 * Adds JSON for a terminal: each character that is not plain becomes \uXXXX
 * (a surrogate pair above U+FFFF), octets that are not UTF-8 become U+FFFD.
 */
void	json_add_shown(struct buf *b, struct span raw);
/* Adds raw, as json_take_string returns it, without its escapes. */
void	json_add_decoded(struct buf *b, struct span raw);

#endif
