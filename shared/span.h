/*
 * A borrowed view of bytes: pointer and length travel together, and nothing
 * depends on a terminating NUL.  The bytes must outlive the view.
 */
#ifndef SHARED_SPAN_H
#define SHARED_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
	const uint8_t	*p;
	size_t		 n;
};

/* The view of a C string, without its NUL. */
struct span	span_of(const char *s);
/* The view of n bytes at p. */
struct span	span_from(const void *p, size_t n);
/* Equal octet by octet. */
bool		span_equal(struct span a, struct span b);
/* Equal when ASCII letters are folded; other octets must be the same. */
bool		span_equal_fold(struct span a, struct span b);
/* A begins with prefix, ASCII letters folded. */
bool		span_begins_fold(struct span a, struct span prefix);
/* The arguments of "%.*s". */
#define SPAN_PRINT(s)	(int)(s).n, (const char *)(s).p
/* Writes s, which has no NUL and fits, as a C string. */
void		span_copy(struct span s, char *out);
/* The view without its first n octets (all of it, when n is larger). */
struct span	span_skip(struct span a, size_t n);
/* Does s begin with that octet? */
bool		span_next_is(struct span s, uint8_t octet);
/* The same; if so, takes it off *in. */
bool		span_take(struct span *in, uint8_t octet);
/* Takes what is before the first end off *in, and end; or all.  Returns it. */
struct span	span_cut(struct span *in, uint8_t end);
/* Takes a little-endian number of so many octets off *in, if it has them. */
bool		span_take_number(struct span *in, size_t octets, uint64_t *out);
/* Digits alone; more than 64 bits: UINT64_MAX.  False: not a number. */
bool		span_number(struct span s, uint64_t *out);
/* No octet above 127. */
bool		span_is_ascii(struct span s);
/* An ASCII capital as its small letter; any other octet unchanged. */
uint8_t		ascii_lower(uint8_t c);
bool		ascii_is_digit(uint8_t c);
bool		ascii_is_alnum(uint8_t c);
/*
 * The length (1 to 4) of the character of UTF-8 (RFC 3629) that in begins with,
 * stored in *out; 0 when in does not begin with a whole, well-formed one.
 */
size_t		utf8_next(struct span in, uint32_t *out);
/* The same without the character. */
size_t		utf8_first(struct span s);
/*
 * Is c neither invisible, nor moves a cursor or changes the direction of text?
 * For output and names in our files; the grammars of mail have their own rules.
 */
bool		utf8_is_plain(uint32_t c);

#endif
