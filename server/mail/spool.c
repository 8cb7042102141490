/*
 * The spool directory.  Everything is opened relative to descriptors taken at
 * start-up, so no path leads through a directory of another user.
 */
#include "server/mail/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shared/file.h"
#include "shared/log.h"

/* So long no session is silent (smtpd.conf(5), idle-timeout): a day at most. */
enum { abandoned_s = 2 * 24 * 60 * 60 };

enum { directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

static int
open_or_make(int parent, const char *name, bool *made)
{
	if (mkdirat(parent, name, 0700) == 0)
		*made = true;
	else if (errno != EEXIST)
		return -1;
	return openat(parent, name, directory_flags);
}

/*
 * Removes name if it belongs to no session; true: removed.  If Maildirs have it
 * already, its client had no reply, and may send it again.
 */
static bool
remove_file(int dir, const char *name, bool alone)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == -1 ||
	    (!alone && st.st_mtime >= time(NULL) - abandoned_s) ||
	    unlinkat(dir, name, 0) == -1)
		return false;
	if (!S_ISREG(st.st_mode) || st.st_nlink == 1)
		return true;
	log_put(LOG_LEVEL_WARNING, "recover", "id=%s mailboxes=%zu", name,
	    (size_t)st.st_nlink - 1);
	return true;
}

/*
 * Removes every file in incoming, none of which was acknowledged; beside
 * another master only those that its sessions abandoned long ago.  Each master
 * keeps a shared lock on incoming for as long as it lives, so one that gets the
 * exclusive lock is alone.
 */
static int
recover(int incoming)
{
	bool alone = flock(incoming, LOCK_EX | LOCK_NB) == 0;
	struct dirent *e;
	int removed = 0;
	DIR *d;

	if (!alone && (errno != EWOULDBLOCK ||
	    flock(incoming, LOCK_SH) == -1))
		return -1;
	d = file_list(incoming, ".");
	if (d == NULL)
		return -1;
	/* "." and ".." cannot be removed. */
	while ((e = readdir(d)) != NULL)
		removed += remove_file(incoming, e->d_name, alone);
	closedir(d);
	if (alone && flock(incoming, LOCK_SH) == -1)
		return -1;
	return removed;
}

int
spool_open(struct spool *s, int root, bool catcher, bool synced,
    const char **what)
{
	static const char *const names[] = { "spool", "spool/incoming",
	    "spool/bad", "spool/queue", "log", "mail" };
	int *const fds[] = { &(int){ -1 }, &s->incoming, &s->bad, &s->queue,
	    &s->log, &s->mail };
	bool sync = !synced;
	int base = root;

	*what = ".smtpd";
	if (catcher)
		base = open_or_make(root, *what, &sync);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (base == -1)
			return -1;
		*what = names[i];
		*fds[i] = catcher && fds[i] == &s->mail ?
		    fcntl(root, F_DUPFD_CLOEXEC, 3) :
		    open_or_make(base, names[i], &sync);
		if (*fds[i] == -1)
			return -1;
	}
	/* What was made is made durable in its parent. */
	*what = "spool";
	if (sync && (fsync(*fds[0]) == -1 || fsync(base) == -1 ||
	    fsync(root) == -1))
		return -1;
	close(*fds[0]);
	if (base != root)
		close(base);
	*what = "spool/incoming";
	return recover(s->incoming);
}

int
spool_begin(const struct spool *s, const char *id, struct span head, int *out)
{
	*out = openat(s->incoming, id, O_WRONLY | O_APPEND | O_CREAT | O_EXCL |
	    O_NOFOLLOW | O_CLOEXEC, 0600);
	if (*out == -1 || file_write(*out, head) == head.n)
		return *out == -1 ? -1 : 0;
	file_close(*out);
	*out = -1;
	return -1;
}

int
spool_check(const struct spool *s, const char *id, uint64_t size)
{
	struct stat st;

	if (fstatat(s->incoming, id, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return -1;
	errno = EPROTO;
	return S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	    st.st_nlink == 1 && st.st_size >= 0 &&
	    (uint64_t)st.st_size == size ? 0 : -1;
}

void
spool_discard(const struct spool *s, const char *id)
{
	/* A file that cannot be removed now is removed at the next start. */
	(void)unlinkat(s->incoming, id, 0);
}

bool
spool_room(const struct spool *s, struct conf_room *out)
{
	struct statvfs spool, mail;

	if (fstatvfs(s->incoming, &spool) == -1 ||
	    fstatvfs(s->mail, &mail) == -1)
		return false;
	conf_room_of(&spool, &mail, out);
	return true;
}

bool
spool_has_room(const struct spool *s, const struct conf_limits *l,
    uint64_t size)
{
	struct conf_room room;

	return spool_room(s, &room) && conf_has_octets(&room, l, size) &&
	    conf_has_inodes(&room, l);
}
