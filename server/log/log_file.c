/*
 * The log file.  The master opens its directory before it gives up root, and
 * its sandbox allows it only to add to that directory: where permissions let
 * it, it can create the file after a rotation, but it cannot read, remove or
 * truncate files there.
 */
#include "server/log/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/log.h"

enum {
	path_max_bytes = 1024,
	/* O_NONBLOCK: a FIFO put there would wait for a reader. */
	file_flags = O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
};

static struct {
	int	dir;		/* -1: no log file */
	char	dir_path[path_max_bytes];
	char	name[path_max_bytes];
} file = { .dir = -1 };

/* "/var/log/smtpd.log": "/var/log" and "smtpd.log". */
static int
open_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	int n = (int)(slash - path);

	snprintf(file.dir_path, sizeof(file.dir_path), "%.*s",
	    n == 0 ? 1 : n, path);
	snprintf(file.name, sizeof(file.name), "%s", slash + 1);
	file.dir = open(file.dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return file.dir;
}

/*
 * Accepts only a file with one name: a second name (hard link) may be an
 * attempt to make us write to another file.
 */
static int
check_file(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return -1;
	if (S_ISREG(st.st_mode) && st.st_nlink == 1)
		return 0;
	errno = S_ISREG(st.st_mode) ? EMLINK : ENOTSUP;
	return -1;
}

/* Opens the file; *made: it did not exist and was created. */
static int
open_file(bool *made)
{
	int fd, error;

	*made = false;
	fd = openat(file.dir, file.name, file_flags);
	if (fd == -1 && errno == ENOENT) {
		fd = openat(file.dir, file.name, file_flags | O_CREAT |
		    O_EXCL, 0600);
		*made = fd != -1;
	}
	if (fd == -1 || check_file(fd) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static const char *
words_of(int error)
{
	switch (error) {
	case ELOOP:
		return "it is a symbolic link";
	case EMLINK:
		return "it has several names (hard links)";
	case ENOTSUP:
	case ENXIO:
	case EISDIR:
		return "it is no plain file";
	default:
		return strerror(error);
	}
}

int
log_file_open(const char *path, const struct identity *owner,
    const char **why)
{
	struct stat st;
	bool made;
	int fd;

	if (open_directory(path) == -1) {
		*why = strerror(errno);
		return -1;
	}
	fd = open_file(&made);
	if (fd == -1) {
		*why = words_of(errno);
		return -1;
	}
	/* Only if needed: a service manager may kill a caller of fchown(2). */
	if (made && owner != NULL && (fstat(fd, &st) == -1 ||
	    (st.st_uid != owner->uid &&
	    fchown(fd, owner->uid, owner->gid) == -1))) {
		*why = strerror(errno);
		close(fd);
		return -1;
	}
	log_use_file(fd);
	return 0;
}

int
log_file_dir(const char **path)
{
	*path = file.dir_path;
	return file.dir;
}

int
log_file_reopen(void)
{
	bool made;
	int fd;

	if (file.dir == -1)
		return 0;
	fd = open_file(&made);
	if (fd == -1)
		return -1;
	log_use_file(fd);
	return 0;
}

void
log_reopen(void)
{
	char path[2 * path_max_bytes];

	if (log_file_reopen() == 0)
		return;
	snprintf(path, sizeof(path), "%s/%s", file.dir_path, file.name);
	log_error("the log file cannot be opened again, so the one that was "
	    "open is written to: may smtpd's user create it there?", path,
	    errno);
}
