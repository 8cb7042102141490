/* Unique names of sessions and messages, sorted by time and unpredictable. */
#ifndef SERVER_IDENT_H
#define SERVER_IDENT_H

#include <stdbool.h>

#include "shared/ipc.h"

/* Writes 16 characters of [0-9a-z] and a NUL. */
void	ident_make(char out[ipc_id_bytes + 1]);
/* Has text the form of an identifier? */
bool	ident_is(const char *text);
/* When id, which must have the form, was made: milliseconds since 1970. */
int64_t	ident_ms(const char *id);

#endif
