/* Writing JSON (RFC 8259) to a stream. */
#ifndef SERVER_JSON_OUT_H
#define SERVER_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "shared/span.h"

enum { json_out_depth_max = 16 };

/* Zero is valid: nothing is open, and with f NULL nothing is written. */
struct json_out {
	FILE		*f;		/* borrowed */
	unsigned	 depth;
	bool		 filled[json_out_depth_max]; /* has a member already */
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
