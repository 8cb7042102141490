/*
 * Files of a process in its sandbox, and a program that executes itself again
 * by a descriptor, so that its user need not be able to reach its path, which
 * may lead through a private home.  OpenBSD can execute a program only by its
 * path.  FreeBSD, in capability mode (capsicum(4)), opens files only relative
 * to a directory's descriptor: that was written after the manual pages and
 * compiled against stub headers only; it has not run.
 */
#include "shared/os/os.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#ifndef __linux__

const int os_send_last = 0;

int
os_peer_uid(int fd, uid_t *out)
{
	gid_t gid;

	return getpeereid(fd, out, &gid);
}

#endif

#ifdef __FreeBSD__

static struct directory {
	char	*path;
	int	 fd;
} *kept;
static size_t kept_count;

static int
find(const char *dir, size_t n)
{
	for (size_t i = 0; i < kept_count; i++)
		if (strncmp(kept[i].path, dir, n) == 0 &&
		    kept[i].path[n] == '\0')
			return kept[i].fd;
	return -1;
}

int
os_keep_directory(const char *dir)
{
	struct directory *more, d;

	if (find(dir, strlen(dir)) != -1)
		return 0;
	more = reallocarray(kept, kept_count + 1, sizeof(*kept));
	if (more == NULL)
		return -1;
	kept = more;
	d.path = strdup(dir);
	d.fd = d.path == NULL ? -1 : open(dir, O_RDONLY | O_DIRECTORY |
	    O_CLOEXEC);
	if (d.fd == -1) {
		free(d.path);
		return -1;
	}
	kept[kept_count++] = d;
	return 0;
}

int
os_open_file(const char *path, int flags)
{
	const char *slash = strrchr(path, '/');
	int dir = slash == NULL ? find(".", 1) :
	    find(path, slash == path ? 1 : (size_t)(slash - path));

	if (dir == -1)
		return open(path, flags);
	return openat(dir, slash == NULL ? path : slash + 1, flags);
}

#else

int
os_keep_directory(const char *dir)
{
	return 0;
}

int
os_open_file(const char *path, int flags)
{
	return open(path, flags);
}

#endif

#if !defined(O_EXEC) && defined(O_PATH)
#define O_EXEC	O_PATH
#elif !defined(O_EXEC)
#define O_EXEC	O_RDONLY	/* OpenBSD */
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

int
os_execute(const char *program, int fd, char *const argv[],
    char *const envp[])
{
#ifdef __OpenBSD__
	return execve(program, argv, envp);
#else
	return fexecve(fd, argv, envp);
#endif
}
