/*
 * Writing JSON to standard output: commas, nesting and escapes in one place.
 */
#ifndef SERVER_SMTPCTL_JSON_H
#define SERVER_SMTPCTL_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/span.h"

/*
 * A key of NULL is for what stands in an array, or alone at the top.
 * smtpctl_json_end closes the innermost object or array; the last of them
 * ends the line.
 */
void	smtpctl_json_object(const char *key);
void	smtpctl_json_array(const char *key);
void	smtpctl_json_end(void);
/* Octets that are not UTF-8 become U+FFFD. */
void	smtpctl_json_span(const char *key, struct span value);
void	smtpctl_json_string(const char *key, const char *value);
void	smtpctl_json_u64(const char *key, uint64_t value);
void	smtpctl_json_i64(const char *key, int64_t value);
/* A number of parts, scale of which are 1: "0.00025". */
void	smtpctl_json_parts(const char *key, uint64_t value, uint64_t scale);
void	smtpctl_json_bool(const char *key, bool value);
void	smtpctl_json_null(const char *key);

#endif
