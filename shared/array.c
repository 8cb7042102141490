/*
 * Arrays that grow by one.
 */
#include "shared/array.h"

#include <stdlib.h>

void *
array_grow(void *array, size_t count, size_t size)
{
	if ((count & (count - 1)) != 0)
		return array;
	return reallocarray(array, count == 0 ? 1 : count * 2, size);
}
