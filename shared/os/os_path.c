/*
 * Linux and OpenBSD: a process in its sandbox still opens files by their path,
 * so no directory has to be kept open.
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
