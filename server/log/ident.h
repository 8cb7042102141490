/*
 * Names for sessions and messages: unique, sorted by time, safe as file
 * names, and not to be guessed.
 */
#ifndef SERVER_IDENT_H
#define SERVER_IDENT_H

#include "shared/ipc_msg.h"

/* Writes 16 characters of [0-9a-z] and a NUL. */
void	ident_make(char out[ipc_id_bytes + 1]);

#endif
