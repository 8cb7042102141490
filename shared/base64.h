/*
 * Base64 as RFC 4648 section 4 has it, and nothing else: no blanks, no line
 * ends, all of the padding, no bits that mean nothing.  What is taken has one
 * spelling only.
 */
#ifndef SHARED_BASE64_H
#define SHARED_BASE64_H

#include "shared/span.h"

/*
 * Decodes in into out, of room octets; *n octets are written.  False, and
 * out as it was or partly written, when in is not base64 or does not fit.
 */
bool	base64_decode(struct span in, uint8_t *out, size_t room, size_t *n);

#endif
