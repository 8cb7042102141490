/*
 * The form of a reply; and which replies of the server's table have been
 * given: each of them has to stand in a transcript.
 */
#ifndef T_DIALOG_PLAY_REPLY_H
#define T_DIALOG_PLAY_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/smtp_reply.h"
#include "t/dialog/play_script.h"

enum { reply_line_max_bytes = 512 };	/* RFC 5321 4.5.3.1.5, RFC 1939 3 */

/*
 * Is the line, of len octets with its LF, one of the reply that the step
 * expects? Its shape is judged before its code. reply: its lines before, or
 * "". Returns 0, or -1 and the reason in why.
 */
int reply_check(const struct step *step, const char *reply, const char *line,
    size_t len, char *why, size_t size);

/* Has that line another one behind it? */
bool reply_goes_on(const struct step *step, const char *line, size_t len);

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
