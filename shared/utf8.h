/*
 * UTF-8 as RFC 3629 has it: shortest form, no surrogates, up to U+10FFFF.
 */
#ifndef SHARED_UTF8_H
#define SHARED_UTF8_H

#include <stddef.h>

#include "shared/span.h"

/*
 * The length (1 to 4) of the character that in begins with, which is stored in
 * *out; 0 when in is empty or does not begin with a whole, well-formed one.
 */
size_t	utf8_next(struct span in, uint32_t *out);
/* The same without the character. */
size_t	utf8_first(struct span s);
/*
 * Whether c may be shown as it is: not if it is invisible, moves a cursor or
 * changes the direction of text.  For output and for names in our own files;
 * the grammars of mail have rules of their own.
 */
bool	utf8_is_plain(uint32_t c);

#endif
