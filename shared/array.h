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
/*
 * Adds a copy of *element, of size octets, to the *count of *list, a pointer
 * to such elements.  Returns the new element; or NULL with errno.
 */
void	*array_add(void *list, size_t *count, const void *element,
	    size_t size);

#endif
