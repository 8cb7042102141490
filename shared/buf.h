/*
 * Octets gathered in storage of a fixed size, the caller's.  A zero buf is
 * empty and full.  What does not fit is not added at all, and sets cut.
 */
#ifndef SHARED_BUF_H
#define SHARED_BUF_H

#include "shared/span.h"

struct buf {
	uint8_t	*p;
	size_t	 n;	/* octets in use */
	size_t	 max;	/* octets of storage */
	bool	 cut;	/* something did not fit */
};

struct buf	buf_over(void *storage, size_t max);
void		buf_add(struct buf *b, struct span s);
void		buf_add_str(struct buf *b, const char *s);
/* Adds the lowest octets of n, the least significant one first. */
void		buf_add_number(struct buf *b, uint64_t n, size_t octets);
/* In digits: printf(3) costs a short-lived process more, in its pages. */
void		buf_add_decimal(struct buf *b, uint64_t n);
/* As printf(3), with space for its NUL. */
void		buf_print(struct buf *b, const char *format, ...)
		    __attribute__((format(printf, 2, 3)));
/*
 * Adds s.  What is not UTF-8 or not plain (utf8_is_plain) is written as \xHH;
 * backslashes and the octets in special get a backslash in front.
 */
void		buf_add_escaped(struct buf *b, struct span s,
		    const char *special);
struct span	buf_span(const struct buf *b);
/* Ends the content with a NUL, over its last octet if b is full (max > 0). */
const char	*buf_str(struct buf *b);

/*
 * In array.c: adds a copy of *element, of size octets, to the *count of *list,
 * which may move.  The new element; or NULL with errno, and nothing changes.
 */
void		*array_add(void *list, size_t *count, const void *element,
		    size_t size);

#endif
