/*
 * Linux and OpenBSD: what may be opened and executed is still named by its
 * path, and nothing has to be kept.
 */
#include "shared/os.h"

#include <fcntl.h>
#include <unistd.h>

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

int
os_keep_program(const char *program, int fd)
{
	(void)program;
	(void)fd;
	return 0;
}

void
os_drop_program(int fd)
{
	(void)fd;
}

int
os_execute(const char *program, int fd, char *const argv[],
    char *const envp[])
{
	(void)fd;
	return execve(program, argv, envp);
}
