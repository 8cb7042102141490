/*
 * Which replies of the server's table have been given: each of them has to
 * stand in a transcript.
 */
#ifndef T_DIALOG_PLAY_REPLY_H
#define T_DIALOG_PLAY_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/smtp_reply.h"

/* By enum smtp_reply. */
struct replies {
	bool seen[REPLY_COUNT];
};

/* Notes a whole reply, its lines ended by LF; one of no row is nothing. */
void replies_note(struct replies *replies, const char *text);

void replies_add(struct replies *to, const struct replies *from);

/* Prints a FAIL line for each that is missing; how many there are. */
size_t replies_missing(const struct replies *replies);

#endif
