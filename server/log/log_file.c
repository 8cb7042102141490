/* The log file, to whose directory the sandbox lets the master only add. */
#include "server/log/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
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
	int		dir;		/* -1: no log file */
	char		path[path_max_bytes];
	const char	*dir_path;
	const char	*name;		/* in path */
} file = { .dir = -1 };

/* Opens the file; a second name may be a trick; a new one becomes owner's. */
static int
use_file(const struct identity *owner)
{
	int fd = openat(file.dir, file.name, file_flags), error;
	bool made = fd == -1 && errno == ENOENT;
	struct stat st;

	if (made)
		fd = openat(file.dir, file.name, file_flags | O_CREAT |
		    O_EXCL, 0600);
	if (fd == -1) {
		/* FreeBSD's word for a symbolic link (O_NOFOLLOW). */
		errno = errno == EMLINK ? ELOOP : errno;
		return -1;
	}
	/* Only if needed: a service manager may kill a caller of fchown(2). */
	if (fstat(fd, &st) == -1 || (made && owner != NULL &&
	    st.st_uid != owner->uid &&
	    fchown(fd, owner->uid, owner->gid) == -1))
		error = errno;
	else if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		error = S_ISREG(st.st_mode) ? EMLINK : ENOTSUP;
	else {
		log_use_file(fd);
		return 0;
	}
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
	static char copy[path_max_bytes];

	snprintf(file.path, sizeof(file.path), "%s", path);
	snprintf(copy, sizeof(copy), "%s", path);
	file.name = strrchr(file.path, '/') + 1;
	file.dir_path = dirname(copy);
	file.dir = open(file.dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (file.dir != -1 && use_file(owner) == 0)
		return 0;
	*why = file.dir == -1 ? strerror(errno) : words_of(errno);
	return -1;
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
	return file.dir == -1 ? 0 : use_file(NULL);
}

void
log_reopen(void)
{
	if (log_file_reopen() == -1)
		log_error("the log file cannot be opened again, so the one "
		    "that was open is written to: may smtpd's user create it "
		    "there?", file.path, errno);
}
