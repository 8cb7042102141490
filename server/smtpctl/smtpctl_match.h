/* Compares a stored message with the criteria of smtpctl await.  Pure. */
#ifndef SERVER_SMTPCTL_MATCH_H
#define SERVER_SMTPCTL_MATCH_H

#include "shared/span.h"

enum smtpctl_field {
	SMTPCTL_TO,		/* the name of the Maildir */
	SMTPCTL_FROM,		/* the address in Return-Path */
	SMTPCTL_SUBJECT,	/* a part of an unfolded Subject */
	SMTPCTL_BODY		/* a part of the body */
};

struct smtpctl_criterion {
	enum smtpctl_field	field;
	struct span		text;	/* borrowed */
};

/* Parses "to=ADDRESS", "from=...", "subject=TEXT", "body=..."; false: none. */
bool	smtpctl_match_parse(struct span arg, struct smtpctl_criterion *out);
/* Do all criteria hold for message, in the Maildir of that name? */
bool	smtpctl_match(const struct smtpctl_criterion *criteria, size_t count,
	    struct span maildir, struct span message);

#endif
