/*
 * SMTP syntax (RFC 5321 4.1, RFC 6531, 1870, 6152): paths and parameters.
 * Pure.  An address exists only as a struct mailbox, and only these functions
 * make one.
 */
#ifndef SHARED_SMTP_SYNTAX_H
#define SHARED_SMTP_SYNTAX_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/span.h"

/*
 * RFC 5321 4.5.3.1 has minimum sizes, 64 octets of a local part, 256 of a path;
 * bounce addresses (SRS, VERP) are longer.  No name in the DNS has more octets.
 */
enum {
	smtp_local_max_bytes = 255,
	smtp_domain_max_bytes = 255,
	smtp_path_max_bytes = smtp_local_max_bytes + smtp_domain_max_bytes + 3
};

/*
 * An address.  local is without its quotes and backslashes: printable ASCII,
 * space or UTF-8.  domain is a host name, perhaps with U-labels, or a literal
 * in brackets, ASCII letters in lower case.  Unused octets are zero.
 *   local_len 0 and domain_len 0: the null reverse-path <>.
 *   local_len 0 alone: <""@domain>, which the grammar allows.
 *   domain_len 0 alone: <postmaster>, which a receiver must take; or a name
 *	in a table or in mail to a catcher.
 */
struct mailbox {
	uint8_t	local_len;
	uint8_t	domain_len;
	char	local[smtp_local_max_bytes];
	char	domain[smtp_domain_max_bytes];
};

/* What the parsers return, and the reply code. */
enum syntax {
	SYNTAX_OK,
	SYNTAX_BAD,		/* malformed: 501; paths 5.1.3 or 5.1.7 */
	SYNTAX_BARE,		/* a path without its "<" or ">": 501 */
	SYNTAX_TOO_LONG,	/* over a limit above: 501 */
	SYNTAX_UNKNOWN,		/* a parameter that is not offered: 555 */
	SYNTAX_DOUBLED		/* a parameter given twice: 501 */
};

/* Parameters of MAIL and RCPT (RFC 1870, 6152, 6531, 4954 5, 3461), as bits. */
enum {
	SMTP_PARAM_SIZE = 1 << 0,
	SMTP_PARAM_BODY = 1 << 1,
	SMTP_PARAM_SMTPUTF8 = 1 << 2,
	SMTP_PARAM_AUTH = 1 << 3,
	SMTP_PARAM_RET = 1 << 4,
	SMTP_PARAM_ENVID = 1 << 5,
	SMTP_PARAM_NOTIFY = 1 << 6,
	SMTP_PARAM_ORCPT = 1 << 7,
	SMTP_PARAM_COUNT = 8
};

struct mail_params {
	unsigned	given;		/* bits of SMTP_PARAM_ */
	uint64_t	size;		/* octets; UINT64_MAX when larger */
	bool		body_8bit;	/* BODY=8BITMIME */
	/* As they came; envelope_read_* reads them. */
	struct span	ret, envid, notify, orcpt;
};

/*
 * Reads "<path>", for MAIL (null_ok: "<>" is allowed) or RCPT (postmaster_ok:
 * "<postmaster>" is).  Spaces before it, which RFC 5321 3.3 forbids, are
 * skipped: every parser finds the same path.  A source route is ignored
 * (4.1.1.3).  On SYNTAX_OK *rest is what follows the ">".
 */
enum syntax	smtp_parse_path(struct span in, bool null_ok,
		    bool postmaster_ok, struct mailbox *out, struct span *rest);
/* Reads all of " PARAM=value PARAM ..."; others than offered are unknown. */
enum syntax	smtp_parse_params(struct span in, unsigned offered,
		    struct mail_params *out);
/*
 * A host name: labels of letters, digits, "_", inner "-" and UTF-8, at most 63
 * octets each, separated by dots; at most 255 octets.
 */
bool		smtp_domain_valid(struct span in);
/*
 * The argument of HELO or EHLO (4.1.1.1), 1 to 255 octets: those of a host
 * name, without UTF-8 (RFC 6531 3.7.1), or an address, IPv6 with or without
 * brackets and tag.  No labels are checked: there are hosts named "win-2019-".
 */
bool		smtp_helo_valid(struct span in);
/* True when m may stand in a record: every invariant of struct mailbox. */
bool		smtp_mailbox_valid(const struct mailbox *m);
/* True when local or domain holds an octet above 0x7f. */
bool		smtp_mailbox_is_utf8(const struct mailbox *m);
bool		smtp_mailbox_is_null(const struct mailbox *m);
/* Reads "local@domain" or "local" from a table; quotes are not used there. */
bool		smtp_mailbox_from_text(struct span in, struct mailbox *out);
/* All of in, 1 to 255 octets without controls, as a local part. */
bool		smtp_mailbox_from_any(struct span in, struct mailbox *out);

enum {
	/* local quoted and escaped, "@", domain, NUL */
	smtp_mailbox_text_max_bytes = 2 * smtp_local_max_bytes + 2 + 1 +
	    smtp_domain_max_bytes + 1
};
/*
 * Writes m, quoted where it must be, to out of smtp_mailbox_text_max_bytes.
 * Returns the length without the NUL.
 */
size_t		smtp_mailbox_text(const struct mailbox *m, char *out);

#endif
