/*
 * The little of JSON that our own files hold: numbers, strings, arrays and
 * objects without a blank, and each text in one spelling only, so that what
 * was read and is written again is the same to the octet.  Pure.
 */
#ifndef SERVER_JSON_H
#define SERVER_JSON_H

#include "shared/buf.h"

/* What is still to be read; bad once something was not as it has to be. */
struct json {
	struct span	 rest;
	bool		 bad;
	struct buf	*out;		/* not NULL: it is written instead */
};

/* Takes literally this text. */
void	json_take(struct json *j, const char *text);
/* Does it go on so?  Takes it then. */
bool	json_took(struct json *j, const char *text);
/* Takes a number without needless zeros. */
uint64_t json_take_u64(struct json *j);
/* Takes a string; what stands between its quotes, still escaped. */
struct span json_take_string(struct json *j);

/*
 * The form of an object, said once for both ways: with out each call adds, and
 * without each takes, what stands next.  raw is still escaped.
 */
void	json_literal(struct json *j, const char *text);
void	json_text(struct json *j, const char *key, struct span *raw);
void	json_number(struct json *j, const char *key, uint64_t *value);

/*
 * Adds s as it stands between quotes: the quote, the backslash, controls and
 * DEL escaped; octets that are no UTF-8 become U+FFFD.
 */
void	json_add_text(struct buf *b, struct span s);
/*
 * Adds JSON as it is, but each character that is not plain as \uXXXX (two of
 * them above U+FFFF), and octets that are no UTF-8 as U+FFFD: for a terminal.
 */
void	json_add_shown(struct buf *b, struct span raw);
/* Adds the text that raw, which json_take_string gave, stands for. */
void	json_add_decoded(struct buf *b, struct span raw);

#endif
