/* Arrays that grow by one. */
#include "shared/buf.h"

#include <stdlib.h>
#include <string.h>

void *
array_add(void *list, size_t *count, const void *element, size_t size)
{
	void *old, *array;

	memcpy(&old, list, sizeof(old));
	array = (*count & (*count - 1)) != 0 ? old :
	    reallocarray(old, *count == 0 ? 1 : *count * 2, size);
	if (array == NULL)
		return NULL;
	memcpy(list, &array, sizeof(array));
	return memcpy((char *)array + (*count)++ * size, element, size);
}
