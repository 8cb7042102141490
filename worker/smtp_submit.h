/*
 * The rules for a submitted message (RFC 6409): its authors are the user who
 * logged in, and it has a Date and a Message-ID.
 */
#ifndef WORKER_SMTP_SUBMIT_H
#define WORKER_SMTP_SUBMIT_H

#include "shared/buf.h"
#include "worker/header.h"
#include "worker/smtp.h"

enum {
	/* Date, and Message-ID with our host name */
	smtp_submit_fields_max_bytes = smtp_domain_max_bytes + 128
};

/*
 * Where to gather the originators of the next message; NULL: not needed on
 * this listener.
 */
struct originators *smtp_submit_begin(const struct smtp_session *s);
/* The header has ended: writes the fields it lacks (RFC 6409 8.1, 8.2). */
void	smtp_submit_add_fields(const struct smtp_session *s,
	    struct buf *out);
/* The message has ended.  REPLY_OK: all its authors are the user's own. */
enum smtp_reply smtp_submit_judge(struct smtp_session *s);

#endif
