/* The catcher's own directory. */
#include "server/log/catcher.h"

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/conf/privdrop.h"

#define STARTED ".smtpd/started"

static uid_t
catcher_uid(void)
{
	static struct users users;
	static bool known;
	struct conf conf;

	if (!known && conf_init(&conf) == 0) {
		conf.catcher = true;
		privdrop_find_users(&conf, &users);
		conf_free(&conf);
		known = true;
	}
	return known ? users.master.uid : geteuid();
}

void
catcher_dir_default(char *out, size_t n)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(out, n, "%s/smtpd-catcher-%u",
	    tmp != NULL && tmp[0] == '/' ? tmp : "/tmp",
	    (unsigned)catcher_uid());
}

int
catcher_dir_begin(int dir, int incoming)
{
	bool alone = flock(incoming, LOCK_EX | LOCK_NB) == 0;
	int fd, result;

	if (flock(incoming, LOCK_SH) == -1)
		return -1;
	fd = openat(dir, STARTED, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
	    0600);
	if (fd == -1)
		return -1;
	result = alone ? futimens(fd, NULL) : 0;
	close(fd);
	return result;
}

bool
catcher_dir_since(const char *dir, struct timespec *out)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/" STARTED, dir);
	if (lstat(path, &st) == -1)
		return false;
	memset(out, 0, sizeof(*out));
	/* A running catcher holds a lock of incoming. */
	snprintf(path, sizeof(path), "%s/.smtpd/spool/incoming", dir);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return true;
	if (flock(fd, LOCK_EX | LOCK_NB) == -1)
		*out = st.st_mtim;
	close(fd);
	return true;
}

bool
catcher_dir_is_ours(const char *dir)
{
	char copy[PATH_MAX];
	struct stat st;

	if (lstat(dir, &st) == -1 || st.st_uid == geteuid() ||
	    st.st_uid == 0 || st.st_uid == catcher_uid())
		return true;
	snprintf(copy, sizeof(copy), "%s", dir);
	return stat(dirname(copy), &st) == 0 && (st.st_mode & S_IWOTH) == 0;
}
