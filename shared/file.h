/* Files: whole reads and writes, where read(2) and write(2) do not block. */
#ifndef SHARED_FILE_H
#define SHARED_FILE_H

#include <dirent.h>
#include <sys/types.h>

#include "shared/span.h"

/* Reads n octets, or up to the end of the file.  The count; or -1, errno. */
ssize_t	file_read(int fd, void *out, size_t n);
/* Writes all of s.  The count of octets; less than s.n, and errno, on error. */
size_t	file_write(int fd, struct span s);
/* Closes fd, unless it is -1; errno stays. */
void	file_close(int fd);
/* Opens the directory path in dir, no symbolic link; NULL and errno. */
DIR	*file_list(int dir, const char *path);

#endif
