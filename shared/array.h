/* Arrays that grow by one. */
#ifndef SHARED_ARRAY_H
#define SHARED_ARRAY_H

#include <stddef.h>

/*
 * Adds a copy of *element, of size octets, to the *count of *list, which may
 * move.  Returns the new element; or NULL with errno, and nothing changes.
 */
void	*array_add(void *list, size_t *count, const void *element,
	    size_t size);

#endif
