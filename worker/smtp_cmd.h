/*
 * The SMTP commands: one table of verb, states, argument, length, handler.
 */
#ifndef WORKER_SMTP_CMD_H
#define WORKER_SMTP_CMD_H

#include "worker/smtp.h"

enum {
	smtp_line_max_bytes = 512,	/* RFC 5321 4.5.3.1.4, CRLF included */
	smtp_line_read_bytes = 2048	/* with parameters; nothing is longer */
};

/* How long a line may be now, CRLF included. */
size_t		smtp_cmd_line_max(const struct smtp_session *s);
/* Runs one command line (without CRLF) and says what to reply. */
struct outcome	smtp_cmd_run(struct smtp_session *s, struct span line);

#endif
