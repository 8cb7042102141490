/*
 * Domains with characters beyond ASCII in their other spelling, xn-- (RFC 3492,
 * 5890 2.3.2.1).  Pure.
 *
 * Nothing is mapped: capitals beyond ASCII and decomposed characters are no
 * U-labels (RFC 5891 5.3, 5.4), and have another spelling than what they look
 * like; who sends maps them.
 */
#ifndef SERVER_PUNYCODE_H
#define SERVER_PUNYCODE_H

#include "shared/smtp_syntax.h"

enum { punycode_domain_bytes = smtp_domain_max_bytes + 1 };

/*
 * Writes domain, its ASCII letters small and each label beyond ASCII as xn--,
 * and a NUL into out.  False, and out is not to be read: it is not UTF-8, has a
 * NUL in it, or is longer so than a domain (255 octets) or a label (63) may be.
 */
bool	punycode_domain(struct span domain, char out[punycode_domain_bytes]);

#endif
