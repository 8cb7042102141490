/*
 * What is asked of a message that a user of ours submits (RFC 6409): that it
 * is his own, and that it has a date and a name.
 */
#ifndef WORKER_SMTP_SUBMIT_H
#define WORKER_SMTP_SUBMIT_H

#include "shared/buf.h"
#include "worker/header.h"
#include "worker/smtp.h"

enum {
	/* two short fields, in the second our host name */
	smtp_submit_fields_max_bytes = smtp_domain_max_bytes + 128
};

/*
 * Where the next message's originators are to be gathered; NULL: nobody asks
 * for them here.
 */
struct originators *smtp_submit_begin(const struct smtp_session *s);
/* The header has ended: writes the fields it lacks (RFC 6409 8.1, 8.2). */
void	smtp_submit_add_fields(const struct smtp_session *s,
	    struct buf *out);
/* The message has ended; REPLY_OK: whoever logged in has written it. */
enum smtp_reply smtp_submit_judge(struct smtp_session *s);

#endif
