/*
 * Files that do not make anybody wait, read and written whole.
 */
#ifndef SHARED_FILE_H
#define SHARED_FILE_H

#include <sys/types.h>

#include "shared/span.h"

/* Reads n octets, fewer at the end of the file: how many; or -1 and errno. */
ssize_t	file_read(int fd, void *out, size_t n);
/* Writes all of s: how many octets; fewer, and errno, when that fails. */
size_t	file_write(int fd, struct span s);

#endif
