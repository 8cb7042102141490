/*
 * Is this the message that is waited for?  Criteria against the octets of a
 * message as smtpd stores it, with LF line ends.  Pure.
 */
#ifndef SERVER_SMTPCTL_MATCH_H
#define SERVER_SMTPCTL_MATCH_H

#include "shared/span.h"

enum smtpctl_field {
	SMTPCTL_TO,		/* the name of the Maildir */
	SMTPCTL_FROM,		/* the address in Return-Path */
	SMTPCTL_SUBJECT,	/* a part of an unfolded Subject */
	SMTPCTL_BODY		/* a part of what follows the header */
};

struct smtpctl_criterion {
	enum smtpctl_field	field;
	struct span		text;	/* borrowed */
};

/*
 * Reads "to=ADDRESS", "from=ADDRESS", "subject=TEXT" or "body=TEXT"; angle
 * brackets around an address are left out.  False when arg is none of them.
 */
bool	smtpctl_match_parse(struct span arg, struct smtpctl_criterion *out);
/*
 * True when all count criteria hold for message, which lies in a Maildir
 * named maildir.  Addresses are compared without regard to ASCII case, texts
 * octet by octet; an empty text is part of every body and of every Subject
 * there is.
 */
bool	smtpctl_match(const struct smtpctl_criterion *criteria, size_t count,
	    struct span maildir, struct span message);

#endif
