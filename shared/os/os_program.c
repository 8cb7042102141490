/*
 * A program that executes itself again by a descriptor, so that its user need
 * not be able to reach its path, which may lead through a private home.
 * OpenBSD can execute a program only by its path.
 */
#include "shared/os/os.h"

#include <fcntl.h>
#include <unistd.h>

#ifndef O_EXEC
#define O_EXEC	O_PATH
#endif

/* Not close-on-exec: the executed program executes itself again. */
int
os_keep_program(const char *program, int fd)
{
	int opened = open(program, O_EXEC), result;

	if (opened == -1 || opened == fd)
		return opened == -1 ? -1 : 0;
	result = dup2(opened, fd);
	close(opened);
	return result == -1 ? -1 : 0;
}

void
os_drop_program(int fd)
{
	close(fd);
}

int
os_execute(const char *program, int fd, char *const argv[],
    char *const envp[])
{
#ifdef __OpenBSD__
	(void)fd;
	return execve(program, argv, envp);
#else
	(void)program;
	return fexecve(fd, argv, envp);
#endif
}
