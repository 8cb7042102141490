/*
 * Users and the root directory, at start-up while the process may still
 * change both.
 */
#include "server/daemon/users.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/log.h"
#include "shared/os.h"

static void
find_user(const char *name, const char *keyword, struct identity *out)
{
	if (!privdrop_find(name, out))
		fatal("%s \"%s\": no such user (or it is root): create it "
		    "with \"make install-system\", or name another", keyword,
		    name);
}

/* Who talks to strangers is in no other. */
static void
keep_own_group(struct identity *who)
{
	who->groups[0] = who->gid;
	who->group_count = 1;
}

/*
 * The catcher needs nobody to have been created for it; and where it cannot
 * become anybody, in a container without CAP_SETUID or a user namespace of one
 * user, it stays who it is.
 */
static void
find_for_catcher(const struct conf *conf, struct users *u)
{
	if (!privdrop_find(conf->user, &u->master) ||
	    !privdrop_find(conf->worker_user, &u->worker)) {
		find_user("nobody", "user", &u->master);
		u->worker = u->master;
	}
	keep_own_group(&u->worker);
	u->drop = privdrop_can(&u->master) && privdrop_can(&u->worker);
	if (u->drop)
		return;
	privdrop_own(&u->master);
	u->worker = u->master;
}

void
users_find(const struct conf *conf, struct users *u)
{
	memset(u, 0, sizeof(*u));
	u->drop = os_may_change_user();
	privdrop_own(&u->master);
	u->worker = u->master;
	if (!u->drop)
		return;
	if (conf->catcher) {
		find_for_catcher(conf, u);
		return;
	}
	find_user(conf->user, "user", &u->master);
	find_user(conf->worker_user, "worker-user", &u->worker);
	keep_own_group(&u->worker);
	if (u->master.uid == u->worker.uid)
		fatal("user and worker-user are the same: workers must not "
		    "own what the master owns");
}

int
users_become(const struct users *u, const struct identity *who)
{
	return u->drop ? privdrop_to(who) : privdrop_stay();
}

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
users_may_give(int dir, const struct stat *st)
{
	return st->st_uid == 0 && is_empty(dir);
}

int
users_open_root(const char *path, const struct users *u)
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
	if (st.st_uid != want && (!u->drop || !users_may_give(fd, &st)))
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
users_warn_of_root(const char *path, int root)
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
