/*
 * A program that executes itself again, by a descriptor: who executes it need
 * not be able to reach it by its path, which leads through a home that lets
 * nobody in, say.  OpenBSD can name it by its path only.
 */
#include "shared/os/os.h"

#include <fcntl.h>
#include <unistd.h>

#ifndef O_EXEC
#define O_EXEC	O_PATH
#endif

/* Not close-on-exec: what is executed has to execute itself, too. */
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
