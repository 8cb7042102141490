/*
 * Whole reads and writes of files.
 */
#include "shared/file.h"

#include <errno.h>
#include <unistd.h>

ssize_t
file_read(int fd, void *out, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = read(fd, (char *)out + done, n - done);

		if (got == 0)
			break;
		if (got == -1 && errno != EINTR)
			return -1;
		done += got == -1 ? 0 : (size_t)got;
	}
	return (ssize_t)done;
}

size_t
file_write(int fd, struct span s)
{
	size_t done = 0;

	while (done < s.n) {
		ssize_t n = write(fd, s.p + done, s.n - done);

		if (n == 0)
			errno = EIO;
		if (n == 0 || (n == -1 && errno != EINTR))
			break;
		done += n == -1 ? 0 : (size_t)n;
	}
	return done;
}
