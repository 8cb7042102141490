/*
 * Linux and OpenBSD: what may be opened is still named by its path, and
 * nothing has to be kept.
 */
#include "shared/os/os.h"

#include <fcntl.h>

int
os_keep_directory(const char *dir)
{
	(void)dir;
	return 0;
}

int
os_open_file(const char *path, int flags)
{
	return open(path, flags);
}
