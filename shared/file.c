/* Files of any program: no state, no log. */
#include "shared/file.h"

#include <errno.h>
#include <fcntl.h>
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

void
file_close(int fd)
{
	const int error = errno;

	if (fd != -1)
		close(fd);
	errno = error;
}

DIR *
file_list(int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
	DIR *d = fd == -1 ? NULL : fdopendir(fd);

	if (d == NULL)
		file_close(fd);
	return d;
}
