/*
 * Arrays that grow by one.
 */
#ifndef SHARED_ARRAY_H
#define SHARED_ARRAY_H

#include <stddef.h>

/*
 * Makes space for one more element of size octets behind the count in use; the
 * capacity doubles at each power of two.  Returns the array, which may have
 * moved; or NULL with errno, and array is unchanged.
 */
void	*array_grow(void *array, size_t count, size_t size);

#endif
