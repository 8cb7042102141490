/*
 * Into the background; the shell gets its prompt back only when the child
 * serves, and the exit status tells whether it does.
 */
#include "server/daemon/background.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "shared/log.h"

struct background
background_go(void)
{
	struct background b;
	char ready;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) == -1 || (pid = fork()) == -1)
		fatal("cannot go into the background: %s", strerror(errno));
	if (pid == 0) {
		close(ends[0]);
		setsid();
		b.ready = ends[1];
		b.null = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (b.null == -1 || chdir("/") == -1)
			fatal("/dev/null or /: %s", strerror(errno));
		return b;
	}
	close(ends[1]);
	_exit(read(ends[0], &ready, 1) == 1 ? 0 : 1);
}

void
background_tell_ready(const struct background *b)
{
	for (int fd = 0; fd < 3; fd++)
		(void)dup2(b->null, fd);
	close(b->null);
	/* If the shell has gone, nobody waits for this. */
	(void)!write(b->ready, "r", 1);
	close(b->ready);
}
