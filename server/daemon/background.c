/*
 * Going into the background, and the pid file.
 */
#include "server/daemon/background.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
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

/*
 * The pid file.  Its lock, not its number, says whether the process lives, so a
 * file that was left behind prevents no start.
 */
static int file = -1;

/* Fatal, with the number in the pid file. */
static void
refuse(const char *path)
{
	char text[16];
	ssize_t n = read(file, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	text[strspn(text, "0123456789")] = '\0';
	fatal("%s: smtpd runs already%s%s", path,
	    text[0] != '\0' ? ", as process " : "", text);
}

void
background_pid_open(const char *path)
{
	struct stat st;

	file = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK |
	    O_CLOEXEC, 0644);
	if (file == -1 || fstat(file, &st) == -1)
		fatal("%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		fatal("%s: not a plain file of its own: name another for the "
		    "process number", path);
	if (flock(file, LOCK_EX | LOCK_NB) == 0)
		return;
	if (errno != EWOULDBLOCK)
		fatal("%s: flock: %s", path, strerror(errno));
	refuse(path);
}

void
background_pid_write(void)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (file == -1)
		return;
	if (ftruncate(file, 0) == -1 || pwrite(file, text, (size_t)n, 0) != n)
		fatal("writing the process number: %s", strerror(errno));
	/* Others may read the number, which our umask forbids. */
	(void)fchmod(file, 0644);
}

void
background_pid_clear(void)
{
	if (file != -1)
		(void)!ftruncate(file, 0);
}
