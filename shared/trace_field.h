/*
 * Return-Path and Received, in front of a stored message (RFC 5321 4.4).  Pure;
 * every part is smtpd's own or of a validated type.
 */
#ifndef SHARED_TRACE_FIELD_H
#define SHARED_TRACE_FIELD_H

#include "shared/buf.h"
#include "shared/smtp_syntax.h"

enum {
	/* two addresses, two names, and less than 500 octets around them */
	trace_field_max_bytes = 2 * smtp_mailbox_text_max_bytes +
	    2 * smtp_domain_max_bytes + 500
};

struct trace {
	const struct mailbox	*from;		/* null allowed */
	struct span		 helo;		/* smtp_helo_valid */
	const char		*client_ip;	/* "192.0.2.1", "2001:db8::1";
						   "": left out */
	const char		*hostname;
	const char		*protocol;	/* RFC 3848, 6531: "ESMTP" */
	const char		*id;
	const char		*suite;		/* IANA's name; NULL: no TLS */
	const struct mailbox	*only_rcpt;	/* NULL: several recipients */
	int64_t			 now_s;		/* since 1970 */
};

/* Writes both fields, LF line ends, to out of trace_field_max_bytes. */
void	trace_field_write(const struct trace *t, struct buf *out);
/*
 * Writes seconds since 1970 (0 or more) as RFC 5322 3.3, "Mon, 23 Nov 2026
 * 20:45:00 +0000"; reads no time zone file.
 */
void	trace_field_date(int64_t seconds, struct buf *out);

#endif
