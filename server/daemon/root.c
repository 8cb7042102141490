/*
 * The root directory, at start-up while the process may still change whose it
 * is.
 */
#include "server/daemon/root.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/log.h"

static bool
is_empty(int dir)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *e;
	bool empty = true;
	DIR *d;

	d = copy == -1 ? NULL : fdopendir(copy);
	if (d == NULL)
		return false;
	while ((e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			empty = false;
	closedir(d);
	return empty;
}

bool
root_may_give(int dir, const struct stat *st)
{
	return st->st_uid == 0 && is_empty(dir);
}

int
root_open(const char *path, const struct users *u)
{
	uid_t want = u->master.uid;
	struct stat st;
	int fd;

	if (mkdir(path, 0700) == -1 && errno != EEXIST)
		fatal("%s: cannot be created: %s", path, errno == EACCES ?
		    privdrop_denial(path) : strerror(errno));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &st) == -1)
		fatal("%s: %s", path, errno == EACCES ?
		    privdrop_denial(path) : strerror(errno));
	if (st.st_uid != want && (!u->drop || !root_may_give(fd, &st)))
		fatal("%s: belongs to uid %u, not to %s (uid %u)%s: name "
		    "another directory, or give it to that user", path,
		    (unsigned)st.st_uid, u->master.name, (unsigned)want,
		    is_empty(fd) ? "" : ", and is not empty");
	/* What a person set on a directory that is ours stays as it is. */
	if (u->drop && st.st_uid != want &&
	    (fchown(fd, u->master.uid, u->master.gid) == -1 ||
	    fchmod(fd, 0700) == -1))
		fatal("%s: cannot be given to uid %u: %s", path,
		    (unsigned)want, strerror(errno));
	return fd;
}

void
root_warn(const char *path, int root)
{
	struct log_line l;
	struct stat st;

	if (fstat(root, &st) == -1 || (st.st_mode & 077) == 0)
		return;
	log_begin(&l, LOG_LEVEL_WARNING, "warning");
	log_str(&l, "what", st.st_mode & 022 ? "others than its owner can "
	    "write to the root, and so put other directories in the place of "
	    "its own: chmod go-w" : "others than its owner can enter the "
	    "root; what is below stays closed to them");
	log_str(&l, "path", path);
	log_end(&l);
}
