/*
 * The subset of JSON in our own files, without blanks and with one spelling, so
 * that what is read and written again is the same to the octet (pure); and any
 * JSON for programs.
 */
#ifndef SERVER_JSON_H
#define SERVER_JSON_H

#include <stddef.h>
#include <stdio.h>

#include "shared/buf.h"

enum json_kind {
	JSON_END,		/* no value: ends the form */
	JSON_NUMBER,		/* uint64_t, without needless zeros */
	JSON_TEXT,		/* struct span */
	JSON_TEXT_OR_NONE,	/* the same; empty: neither before nor quotes */
	JSON_LIST		/* struct span: elements, with commas */
};

/*
 * A form: how a struct is written, up to JSON_END.  A text is escaped when it
 * is written, and still is when it was read; a list is JSON for both.
 */
struct json_field {
	enum json_kind			 kind;
	const char			*before;	/* literally */
	size_t				 at;	/* offset in the struct */
	const struct json_field		*element;	/* of a list */
};

/* Reads text by form, and nothing but it: false where it differs. */
bool	json_read(struct span text, const struct json_field *form, void *out);
/* Takes what has form from the start of *rest; false: it differs. */
bool	json_take(struct span *rest, const struct json_field *form, void *out);
/* Takes the next element of a list that was read; false: there is none. */
bool	json_next(struct span *rest, const struct json_field *form, void *out);
void	json_write(const struct json_field *form, const void *in,
	    struct buf *out);
/* Adds an element to a list.  False: it does not fit, and list is unchanged. */
bool	json_add(const struct json_field *form, const void *in,
	    struct buf *list);

/*
 * Adds s: controls, and for a terminal (shown) all that is not plain, as
 * \uXXXX, octets that are not UTF-8 as U+FFFD, and those of special with a
 * backslash.
 */
void	json_add_escaped(struct buf *b, struct span s, const char *special,
	    bool shown);
/* Adds raw, a text that was read, without its escapes. */
void	json_add_decoded(struct buf *b, struct span raw);

/* ---- json_out.c: any JSON (RFC 8259) to a stream ------------------------- */

enum { json_out_depth_max = 16 };

/* Zero is valid: nothing is open, and with f NULL nothing is written. */
struct json_out {
	FILE		*f;		/* borrowed */
	unsigned	 depth;
	bool		 filled;	/* a value precedes, after a comma */
	char		 closing[json_out_depth_max];
};

/* key is NULL in an array and at the top, where the end ends the line, too. */
void	json_out_object(struct json_out *j, const char *key);
void	json_out_array(struct json_out *j, const char *key);
void	json_out_end(struct json_out *j);
/* Octets that are not UTF-8 become U+FFFD. */
void	json_out_span(struct json_out *j, const char *key, struct span value);
/* Adds value, which is JSON already: one value, or several with commas. */
void	json_out_raw(struct json_out *j, const char *key, struct span value);
void	json_out_string(struct json_out *j, const char *key,
	    const char *value);
void	json_out_u64(struct json_out *j, const char *key, uint64_t value);
void	json_out_i64(struct json_out *j, const char *key, int64_t value);
/* Adds value / scale as a decimal: "0.00025". */
void	json_out_parts(struct json_out *j, const char *key, uint64_t value,
	    uint64_t scale);
void	json_out_bool(struct json_out *j, const char *key, bool value);
void	json_out_null(struct json_out *j, const char *key);

#endif
