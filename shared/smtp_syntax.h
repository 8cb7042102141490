/*
 * SMTP syntax (RFC 5321 section 4.1, RFC 6531, RFC 1870, RFC 6152): command
 * words, paths, parameters.  Pure: bytes in, struct out.  An address exists
 * only as a struct mailbox, and these functions are its only constructors.
 */
#ifndef SHARED_SMTP_SYNTAX_H
#define SHARED_SMTP_SYNTAX_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/span.h"

/*
 * RFC 5321 4.5.3.1 has minimum sizes: 64 octets of a local part, 256 of a path.
 * Bounce addresses (SRS, VERP) are longer, so the limits here are those of
 * struct mailbox; no name in the DNS is longer than 255 octets.
 */
enum {
	smtp_local_max_bytes = 255,
	smtp_domain_max_bytes = 255,
	smtp_path_max_bytes = smtp_local_max_bytes + smtp_domain_max_bytes + 3
};

/*
 * An address.  local has no quoting: quotes and backslashes of a quoted local
 * part are removed; its octets are printable ASCII, space or valid UTF-8.
 * domain is a host name, a U-label name or a literal in brackets, ASCII
 * letters in lower case.  Unused octets are zero.
 *   local_len 0 and domain_len 0: the null reverse-path <>.
 *   local_len 0 alone: <""@domain>, which the grammar allows.
 *   domain_len 0 alone: <postmaster>, which a receiver must take; or a name
 *	without a domain, which only tables and mail to a catcher may have.
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
 * Reads "<path>" at the start of in, for MAIL (null_ok: "<>" is allowed) or
 * for RCPT (postmaster_ok: "<postmaster>" is).  Spaces before the "<" are
 * skipped: RFC 5321 3.3 forbids them, but every parser finds the same path
 * behind them.  A source route is ignored (4.1.1.3).  On SYNTAX_OK *rest is
 * what follows the ">".
 */
enum syntax	smtp_parse_path(struct span in, bool null_ok,
		    bool postmaster_ok, struct mailbox *out, struct span *rest);
/*
 * Reads " PARAM=value PARAM ..." behind a path, to the end of in.  Parameters
 * that are not in the bits of offered are unknown.
 */
enum syntax	smtp_parse_params(struct span in, unsigned offered,
		    struct mail_params *out);
/*
 * A host name, in MAIL, in RCPT and in the configuration: labels of letters,
 * digits, "_", inner "-" and UTF-8, at most 63 octets each, separated by dots;
 * at most 255 octets in all.
 */
bool		smtp_domain_valid(struct span in);
/*
 * The argument of HELO or EHLO (4.1.1.1): the octets of a host name, without
 * UTF-8 (RFC 6531 3.7.1), or an address, IPv6 with or without brackets and
 * tag.  Labels are not checked, as nothing depends on the argument and there
 * are hosts named "host." and "win-2019-".  1 to 255 octets.
 */
bool		smtp_helo_valid(struct span in);
/* True when m may stand in a record: every invariant of struct mailbox. */
bool		smtp_mailbox_valid(const struct mailbox *m);
/* True when local or domain holds an octet above 0x7f. */
bool		smtp_mailbox_is_utf8(const struct mailbox *m);
bool		smtp_mailbox_is_null(const struct mailbox *m);
/* Reads "local@domain" or "local" from a table; quotes are not used there. */
bool		smtp_mailbox_from_text(struct span in, struct mailbox *out);
/*
 * For the catcher, whatever the program under test sent as an address: the
 * whole of in, 1 to 255 octets without control characters, as a local part.
 */
bool		smtp_mailbox_from_any(struct span in, struct mailbox *out);

enum {
	/* local quoted and escaped, "@", domain, NUL */
	smtp_mailbox_text_max_bytes = 2 * smtp_local_max_bytes + 2 + 1 +
	    smtp_domain_max_bytes + 1
};
/*
 * Writes m in the form of RFC 5321, quoted where it must be, into out of
 * smtp_mailbox_text_max_bytes; returns the length without the NUL.
 */
size_t		smtp_mailbox_text(const struct mailbox *m, char *out);

#endif
