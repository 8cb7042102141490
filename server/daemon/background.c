/* Into the background.  The pid file's lock says who lives, not its number. */
#include "server/daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/log.h"

static int pid_file = -1;
static int ready = -1;		/* pipe to the parent, which waits */
static int null = -1;		/* for descriptors 0 to 2, once we serve */

void
background_pid_open(const char *path)
{
	char text[16] = "";
	struct stat st;

	pid_file = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK |
	    O_CLOEXEC, 0644);
	if (pid_file == -1 || fstat(pid_file, &st) == -1)
		fatal("%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		fatal("%s: not a plain file of its own: name another for the "
		    "process number", path);
	if (flock(pid_file, LOCK_EX | LOCK_NB) == 0)
		return;
	if (errno != EWOULDBLOCK)
		fatal("%s: flock: %s", path, strerror(errno));
	(void)!read(pid_file, text, sizeof(text) - 1);
	text[strspn(text, "0123456789")] = '\0';
	fatal("%s: smtpd runs already%s%s", path,
	    text[0] != '\0' ? ", as process " : "", text);
}

void
background_begin(bool foreground)
{
	char octet;
	pid_t pid;
	int ends[2];

	if (!foreground) {
		if (pipe2(ends, O_CLOEXEC) == -1 || (pid = fork()) == -1)
			fatal("cannot go into the background: %s",
			    strerror(errno));
		close(ends[pid != 0]);
		if (pid != 0)
			_exit(read(ends[0], &octet, 1) == 1 ? 0 : 1);
		setsid();
		ready = ends[1];
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (null == -1 || chdir("/") == -1)
			fatal("/dev/null or /: %s", strerror(errno));
	}
	if (pid_file == -1)
		return;
	if (ftruncate(pid_file, 0) == -1 ||
	    dprintf(pid_file, "%d\n", (int)getpid()) == -1)
		fatal("writing the process number: %s", strerror(errno));
	/* Others may read the number, which our umask forbids. */
	(void)fchmod(pid_file, 0644);
}

void
background_tell_ready(void)
{
	if (ready == -1)
		return;
	for (int fd = 0; fd < 3; fd++)
		(void)dup2(null, fd);
	close(null);
	/* If the shell has gone, nobody waits for this. */
	(void)!write(ready, "r", 1);
	close(ready);
}

void
background_pid_clear(void)
{
	if (pid_file != -1)
		(void)!ftruncate(pid_file, 0);
}
