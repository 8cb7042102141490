/*
 * Maildirs.  The worker has synced a file before it is linked, and a copy is
 * synced here; the name of either is synced before the client gets 250.
 */
#include "server/mail/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/file.h"

enum { directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

enum {
	probes_max = 16,	/* Maildirs, of one recipient */
	copy_piece_bytes = 1024 * 1024,
	maildir_file_max_bytes = maildir_path_max_bytes + 512
};

/* A sync failed after Maildirs were made: which are durable is unknown. */
static bool unsure;

/* "DOMAIN/USER", or "USER" where the domain is empty (the catcher). */
static void
path_of(const struct recipient_mailbox *box, char out[maildir_path_max_bytes])
{
	snprintf(out, maildir_path_max_bytes, "%s%s%s", box->domain,
	    box->domain[0] == '\0' ? "" : "/", box->user);
}

/* Adds fd, open on path in dir, which the batch owns from now on. */
static void
add_dir(struct maildir_batch *b, int fd, int dir, const char *path,
    const struct recipient_mailbox *box)
{
	if (b->count == maildir_dirs_max)
		bug("more directories in a turn than it has room for");
	memset(&b->dirs[b->count], 0, sizeof(b->dirs[b->count]));
	b->fds[b->count] = fd;
	b->dirs[b->count].dir = dir;
	if (box != NULL)
		b->dirs[b->count].box = *box;
	snprintf(b->dirs[b->count].path, maildir_path_max_bytes, "%s", path);
	b->count++;
}

static int
find_dir(const struct maildir_batch *b, int dir, const char *path)
{
	for (size_t i = 0; i < b->count; i++)
		if (b->dirs[i].dir == dir && strcmp(b->dirs[i].path, path) == 0)
			return b->fds[i];
	return -1;
}

int
maildir_touch(struct maildir_batch *b, int dir, const char *path,
    const struct recipient_mailbox *box)
{
	int fd = find_dir(b, dir, path);

	if (fd != -1)
		return fd;
	fd = openat(dir, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd != -1)
		add_dir(b, fd, dir, path, box);
	return fd;
}

static int
make_directory(int parent, const char *dir)
{
	return mkdirat(parent, dir, 0700) == -1 && errno != EEXIST ? -1 : 0;
}

/*
 * Makes DOMAIN, USER, tmp, cur and new where they are missing.  Each directory
 * that gets a new name is in the batch before "new" can be found.  Of masters
 * that share the root, the one that makes Maildirs holds the lock of "mail"
 * until their names are durable.
 */
static int
make_maildir(struct maildir_batch *b, const struct spool *s,
    const struct recipient_mailbox *box, const char *path)
{
	static const char *const parts[] = { "tmp", "cur", "new" };
	const char *parent = box->domain[0] == '\0' ? "." : box->domain;
	int fd, result = 0;

	if (!b->making && flock(s->mail, LOCK_EX) == -1)
		return -1;
	b->making = true;
	if (maildir_touch(b, s->mail, ".", box) == -1 ||
	    (box->domain[0] != '\0' &&
	    make_directory(s->mail, box->domain) == -1) ||
	    maildir_touch(b, s->mail, parent, box) == -1 ||
	    make_directory(s->mail, path) == -1)
		return -1;
	fd = maildir_touch(b, s->mail, path, box);
	if (fd == -1)
		return -1;
	for (size_t i = 0; i < 3 && result == 0; i++)
		result = make_directory(fd, parts[i]);
	return result;
}

/* A Maildir must be a directory: a symbolic link could lead anywhere. */
static int
open_below(const struct spool *s, const char *path)
{
	int maildir = openat(s->mail, path, directory_flags),
	    new = maildir == -1 ? -1 : openat(maildir, "new", directory_flags);

	file_close(maildir);
	return new;
}

/*
 * Opens the "new" directory of box, made if need be; or -1.  Where it was found
 * the lock is taken once: then its maker has made its name durable.
 */
static int
open_or_make(struct maildir_batch *b, struct maildir_delivery *d,
    const struct recipient_mailbox *box, const char *path)
{
	const struct spool *s = d->spool;
	int fd;

	d->what = "open the Maildir";
	fd = open_below(s, path);
	if (fd == -1 && errno != ENOENT)
		return -1;
	if (fd != -1 && !unsure && (b->making ||
	    (flock(s->mail, LOCK_SH) == 0 && flock(s->mail, LOCK_UN) == 0)))
		return fd;
	file_close(fd);
	if (fd != -1 && !unsure)
		return -1;
	d->what = "make the Maildir";
	if (make_maildir(b, s, box, path) == -1)
		return -1;
	d->made += fd == -1;
	return open_below(s, path);
}

bool
maildir_has_room(const struct maildir_batch *b, size_t n)
{
	return b->count + n + maildir_dirs_of_one - 1 <= maildir_dirs_max;
}

/* "DOMAIN/USER/SUB/NAME" of box number i. */
static void
file_of(const struct maildir_delivery *d, size_t i, const char *sub,
    char out[maildir_file_max_bytes])
{
	char path[maildir_path_max_bytes];

	path_of(&d->to->boxes[i], path);
	snprintf(out, maildir_file_max_bytes, "%s/%s/%s", path, sub, d->name);
}

/* Ends a copy that is not whole; errno stays. */
static void
drop_copy(struct maildir_delivery *d)
{
	char file[maildir_file_max_bytes];
	const int error = errno;

	file_of(d, d->at, "tmp", file);
	(void)unlinkat(d->spool->mail, file, 0);
	d->done = 0;
	errno = error;
}

/*
 * Copies the next piece, and syncs it: no fsync is of the whole file.  What is
 * no file of the pieces before, for a user changed tmp, is given up.
 */
static enum maildir_result
copy(struct maildir_delivery *d, int new)
{
	static uint8_t piece[copy_piece_bytes];
	const int mail = d->spool->mail;
	char file[maildir_file_max_bytes];
	int from, into;
	ssize_t n = -1;
	bool failed;

	d->what = "copy into the Maildir";
	file_of(d, d->at, "tmp", file);
	from = openat(d->spool->incoming, d->id, O_RDONLY | O_NOFOLLOW |
	    O_CLOEXEC);
	into = openat(mail, file, O_WRONLY | O_APPEND | O_NOFOLLOW |
	    O_NONBLOCK | O_CLOEXEC | (d->done == 0 ? O_CREAT | O_EXCL : 0),
	    0600);
	if (from != -1 && into != -1)
		n = lseek(into, 0, SEEK_END) != (off_t)d->done ? 0 :
		    pread(from, piece, sizeof(piece), (off_t)d->done);
	if (n == 0)
		errno = EIO;	/* a file became shorter, or into is another */
	failed = n <= 0 || file_write(into, span_from(piece, (size_t)n)) <
	    (size_t)n || fsync(into) == -1;
	d->done += failed ? 0 : (uint64_t)n;
	failed = failed || (d->done == d->size &&
	    renameat(mail, file, new, d->name) == -1);
	file_close(from);
	file_close(into);
	if (failed) {
		drop_copy(d);
		return MAILDIR_FAILED;
	}
	if (d->done < d->size)
		return MAILDIR_MORE;
	d->done = 0;
	d->copied = true;
	d->copy = d->at++;
	return MAILDIR_DONE;
}

enum maildir_result
maildir_deliver(struct maildir_batch *b, struct maildir_delivery *d)
{
	const struct recipient_mailbox *box = &d->to->boxes[d->at];
	const struct spool *s = d->spool;
	bool move = d->at + 1 == d->to->count && !d->copied;
	char path[maildir_path_max_bytes], dir[maildir_path_max_bytes + 4];
	char source[maildir_file_max_bytes];
	int new, result;

	path_of(box, path);
	snprintf(dir, sizeof(dir), "%s/new", path);
	new = find_dir(b, s->mail, dir);
	if (new == -1) {
		new = open_or_make(b, d, box, path);
		if (new == -1 && d->done > 0)
			drop_copy(d);
		if (new == -1)
			return MAILDIR_FAILED;
		add_dir(b, new, s->mail, dir, box);
	}
	if (d->done > 0)
		return copy(d, new);
	d->what = "link into the Maildir";
	if (d->copied) {
		file_of(d, d->copy, "new", source);
		result = linkat(s->mail, source, new, d->name, 0);
	} else if (move)
		/* The last mailbox gets the file itself: none is left. */
		result = renameat(s->incoming, d->id, new, d->name);
	else
		result = linkat(s->incoming, d->id, new, d->name, 0);
	/* Another file system, or one without links, or as many as can be. */
	if (result == -1)
		return errno == EXDEV || errno == EPERM || errno == EMLINK ||
		    errno == EOPNOTSUPP ? copy(d, new) : MAILDIR_FAILED;
	d->at++;
	return MAILDIR_DONE;
}

int
maildir_take_back(struct maildir_delivery *d)
{
	char file[maildir_file_max_bytes];

	if (d->done > 0) {
		drop_copy(d);
		return 0;
	}
	file_of(d, --d->at, "new", file);
	return unlinkat(d->spool->mail, file, 0);
}

void
maildir_end_batch(struct maildir_batch *b, const struct spool *s, int error)
{
	while (b->count > 0)
		close(b->fds[--b->count]);
	if (error != 0 && b->making)
		unsure = true;
	if (b->making)
		(void)flock(s->mail, LOCK_UN);
	b->making = false;
}

static int
probe(const struct spool *s, const struct recipient_mailbox *box)
{
	char path[maildir_path_max_bytes];
	int fd, result;

	path_of(box, path);
	fd = open_below(s, path);
	if (fd == -1)
		return errno == ENOENT ? 0 : -1;
	result = faccessat(fd, ".", W_OK | X_OK, 0);
	file_close(fd);
	return result;
}

int
maildir_find_fit(const struct spool *s, struct recipient_set *to,
    size_t before, const struct recipient_mailbox **box)
{
	int error = 0;

	for (size_t i = before; i < to->count && i < before + probes_max;
	    i++) {
		*box = &to->boxes[i];
		to->boxes[i].needed = probe(s, *box) == 0;
		if (to->boxes[i].needed)
			return 0;
		error = errno;
	}
	return error;
}

void
maildir_log_place(struct log_line *l, const struct recipient_mailbox *box)
{
	char path[maildir_path_max_bytes + 16], to[maildir_path_max_bytes],
	    place[maildir_path_max_bytes];

	snprintf(to, sizeof(to), "%s%s%s", box->user,
	    box->domain[0] == '\0' ? "" : "@", box->domain);
	path_of(box, place);
	snprintf(path, sizeof(path), "%s%s/new",
	    box->domain[0] == '\0' ? "" : "mail/", place);
	log_add(l, "to=%s path=%s", to, path);
}
