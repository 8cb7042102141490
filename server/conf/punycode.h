/*
 * Converts domains with non-ASCII characters to A-labels, xn-- (RFC 3492,
 * RFC 5890 2.3.2.1).  Pure.
 *
 * Nothing is mapped: labels with non-ASCII capitals or decomposed characters
 * are not U-labels (RFC 5891 5.3, 5.4), and their A-labels differ from those
 * of the names they look like; senders have to map them.
 */
#ifndef SERVER_PUNYCODE_H
#define SERVER_PUNYCODE_H

#include "shared/smtp_syntax.h"

enum { punycode_domain_bytes = smtp_domain_max_bytes + 1 };

/*
 * Writes domain and a NUL into out, ASCII letters folded and each non-ASCII
 * label as xn--.  False, out undefined: domain is not UTF-8, has a NUL or an
 * empty label, or the result has over 255 octets or a label of over 63.
 */
bool	punycode_domain(struct span domain, char out[punycode_domain_bytes]);

#endif
