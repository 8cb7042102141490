/*
 * Maildirs.  The file was synced by the worker before it is linked; a link
 * is synced here before anyone says 250.
 */
#include "server/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

/* "DOMAIN/USER", or "USER" where the domain is empty (the catcher). */
static void
path_of(const struct recipient_mailbox *box, char out[maildir_path_max_bytes])
{
	if (box->domain[0] == '\0')
		snprintf(out, maildir_path_max_bytes, "%s", box->user);
	else
		snprintf(out, maildir_path_max_bytes, "%s/%s", box->domain,
		    box->user);
}

/* Makes dir in parent and its name durable; being there already is right. */
static int
make_directory(int parent, const char *dir)
{
	int fd, result;

	if (mkdirat(parent, dir, 0700) == -1)
		return errno == EEXIST ? 0 : -1;
	fd = openat(parent, dir, directory_flags);
	if (fd == -1)
		return -1;
	result = fsync(fd);
	close(fd);
	return result == -1 ? -1 : 0;
}

/* mail, DOMAIN, USER, new, cur, tmp: whatever of them is not there yet. */
static int
make_maildir(const struct spool *s, const struct recipient_mailbox *box,
    const char *path)
{
	static const char *const parts[] = { "tmp", "cur", "new" };
	int fd, result = 0;

	if (box->domain[0] != '\0') {
		if (make_directory(s->mail, box->domain) == -1)
			return -1;
		fd = openat(s->mail, box->domain, directory_flags);
		if (fd == -1)
			return -1;
		result = make_directory(fd, box->user);
		if (result == 0)
			result = fsync(fd);
		close(fd);
	} else
		result = make_directory(s->mail, box->user);
	if (result == -1 || fsync(s->mail) == -1)
		return -1;
	fd = openat(s->mail, path, directory_flags);
	if (fd == -1)
		return -1;
	for (size_t i = 0; i < 3 && result == 0; i++)
		result = make_directory(fd, parts[i]);
	if (result == 0)
		result = fsync(fd);
	close(fd);
	return result;
}

/*
 * Another master may share the root.  While one makes a mailbox it holds the
 * lock of "mail", and who finds a mailbox there goes through that lock once:
 * then whoever made it has made it durable, too.
 */
static int
make_maildir_locked(const struct spool *s, const struct recipient_mailbox *box,
    const char *path)
{
	int result, error;

	if (flock(s->mail, LOCK_EX) == -1)
		return -1;
	result = make_maildir(s, box, path);
	error = errno;
	(void)flock(s->mail, LOCK_UN);
	errno = error;
	return result;
}

static int
wait_for_makers(const struct spool *s)
{
	if (flock(s->mail, LOCK_SH) == -1)
		return -1;
	return flock(s->mail, LOCK_UN);
}

/* The "new" directory of box, as a descriptor of the batch; or -1. */
static int
open_new(struct maildir_batch *b, const struct spool *s,
    const struct recipient_mailbox *box)
{
	char path[maildir_path_max_bytes];
	char below[maildir_path_max_bytes + 4];
	int fd;

	path_of(box, path);
	for (size_t i = 0; i < b->count; i++)
		if (strcmp(b->dirs[i].path, path) == 0)
			return b->dirs[i].fd;
	if (b->count == maildir_dirs_max && maildir_sync(b) == -1)
		return -1;
	snprintf(below, sizeof(below), "%s/new", path);
	fd = openat(s->mail, below, directory_flags);
	if (fd == -1 && errno == ENOENT &&
	    make_maildir_locked(s, box, path) == 0)
		fd = openat(s->mail, below, directory_flags);
	if (fd == -1)
		return -1;
	if (wait_for_makers(s) == -1) {
		close(fd);
		return -1;
	}
	b->dirs[b->count].fd = fd;
	memcpy(b->dirs[b->count].path, path, sizeof(path));
	b->count++;
	return fd;
}

/* Takes back the first count links; errno stays. */
static void
undo(struct maildir_batch *b, const struct spool *s, const char *name,
    const struct recipient_set *set, size_t count)
{
	int error = errno;

	for (size_t i = 0; i < count; i++) {
		int fd = open_new(b, s, &set->boxes[i]);

		if (fd != -1)
			(void)unlinkat(fd, name, 0);
	}
	errno = error;
}

int
maildir_deliver(struct maildir_batch *b, const struct spool *s,
    const char *id, const char *name, const struct recipient_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		bool last = i + 1 == set->count;
		int fd = open_new(b, s, &set->boxes[i]);

		/* The last mailbox gets the file itself, so none is left. */
		if (fd == -1 || (last ?
		    renameat(s->incoming, id, fd, name) :
		    linkat(s->incoming, id, fd, name, 0)) == -1) {
			undo(b, s, name, set, i);
			return -1;
		}
	}
	return 0;
}

int
maildir_sync(struct maildir_batch *b)
{
	int error = 0;

	for (size_t i = 0; i < b->count; i++) {
		if (fsync(b->dirs[i].fd) == -1 && error == 0)
			error = errno;
		b->syncs++;
		close(b->dirs[i].fd);
	}
	b->count = 0;
	if (error == 0)
		return 0;
	errno = error;
	return -1;
}
