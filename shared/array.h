/*
 * Arrays that grow by one.
 */
#ifndef SHARED_ARRAY_H
#define SHARED_ARRAY_H

#include <stddef.h>

/*
 * Makes space for one more element of size octets behind count of them, which
 * doubles at each power of two.  The array, where it lies now; or NULL, errno,
 * and array is as it was.
 */
void	*array_grow(void *array, size_t count, size_t size);

#endif
