/*
 * Rewriting a users file: it is locked against another smtpctl, written beside
 * the old one, synced, renamed.  A program that reads it meanwhile (smtpd,
 * Dovecot) sees the old file or the new one, never a part.
 *
 * The lock is on the file itself, so no lock file is left behind.  A rename
 * takes the name away from the locked file, so after locking we check that the
 * name still refers to this file.
 */
#include "server/smtpctl/passwd_file.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/conf/conf_parse.h"
#include "server/conf/conf_text.h"
#include "shared/file.h"
#include "shared/smtp_syntax.h"

enum { lock_tries = 50, lock_pause_ms = 100 };

/* The open file and its content. */
struct work {
	const char		*path;
	const char		*base;			/* file name in dir */
	char			 beside[NAME_MAX + 1];	/* the new file */
	int			 dir;
	int			 fd;
	struct stat		 st;
	uint8_t			*octets;
	size_t			 n;
	/* The user's entry. */
	bool			 found;
	struct conf_user_line	 user;
};

static void
open_dir(struct work *w, const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];

	w->path = path;
	w->base = slash == NULL ? path : slash + 1;
	snprintf(dir, sizeof(dir), "%.*s", slash == NULL ? 1 :
	    (int)(w->base - path), slash == NULL ? "." : path);
	if (strlen(path) >= sizeof(dir) || snprintf(w->beside,
	    sizeof(w->beside), ".%s.smtpctl", w->base) >=
	    (int)sizeof(w->beside))
		errc(1, ENAMETOOLONG, "%s", path);
	w->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->dir == -1)
		err(1, "%s: its directory cannot be opened", path);
}

static void
open_file(struct work *w)
{
	/* Not blocking: a FIFO would wait for a writer. */
	w->fd = openat(w->dir, w->base, O_RDONLY | O_NOFOLLOW | O_CLOEXEC |
	    O_NONBLOCK | O_NOCTTY);
	/* A link would be replaced, and its target stay unchanged. */
	if (w->fd == -1 && (errno == ELOOP || errno == EMLINK))
		errx(1, "%s is a symbolic link: name the file itself with -u",
		    w->path);
	if (w->fd == -1 || fstat(w->fd, &w->st) == -1)
		err(1, "%s: cannot be opened", w->path);
	if (!S_ISREG(w->st.st_mode))
		errx(1, "%s is not a file", w->path);
}

static bool
is_still_it(const struct work *w)
{
	struct stat st;

	return fstatat(w->dir, w->base, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_dev == w->st.st_dev && st.st_ino == w->st.st_ino;
}

/* Gives up after a while: anybody who can read the file can lock it. */
static void
open_locked(struct work *w)
{
	struct timespec pause = { 0, lock_pause_ms * 1000000L };

	for (int i = 0; i < lock_tries; i++) {
		open_file(w);
		if (flock(w->fd, LOCK_EX | LOCK_NB) == 0) {
			/* The previous holder may have replaced the file. */
			if (is_still_it(w) && fstat(w->fd, &w->st) == 0)
				return;
		} else if (errno != EWOULDBLOCK && errno != EINTR)
			err(1, "%s: cannot be locked", w->path);
		else
			nanosleep(&pause, NULL);
		close(w->fd);
	}
	errx(1, "%s is locked by another program for 5 seconds now: try again "
	    "when it has ended", w->path);
}

static void
read_file(struct work *w)
{
	size_t size = (size_t)w->st.st_size;
	ssize_t n;

	if (w->st.st_size > conf_text_max_bytes)
		errc(1, EFBIG, "%s", w->path);
	w->octets = malloc(size + 1);
	if (w->octets == NULL)
		err(1, "%s", w->path);
	n = file_read(w->fd, w->octets, size + 1);
	if (n == -1)
		err(1, "%s: cannot be read", w->path);
	w->n = (size_t)n;
	if (w->n != size)
		errx(1, "%s was changed while it was read: try again",
		    w->path);
}

static void
find_entry(struct work *w, struct span name)
{
	struct span rest = span_from(w->octets, w->n), line;
	struct conf_user_line user;
	unsigned number = 0, first = 0;

	while (conf_parse_line(&rest, &line)) {
		number++;
		conf_parse_user(conf_trim_line(line), &user);
		if (user.name.n == 0 || !span_equal_fold(user.name, name))
			continue;
		if (w->found)
			errx(1, "%s has that name twice, in lines %u and %u: "
			    "remove one", w->path, first, number);
		w->found = true;
		w->user = user;
		first = number;
	}
}

bool
passwd_file_get(const char *path, struct span name,
    char out[password_hash_max_bytes + 1])
{
	struct work w = { .found = false };

	open_dir(&w, path);
	open_file(&w);
	read_file(&w);
	find_entry(&w, name);
	if (w.found && w.user.hash.n > password_hash_max_bytes)
		errx(1, "%s: a hash of more than 255 octets", path);
	if (w.user.hash.n > 0)
		memcpy(out, w.user.hash.p, w.user.hash.n);
	out[w.user.hash.n] = '\0';
	close(w.fd);
	close(w.dir);
	explicit_bzero(w.octets, w.n);
	free(w.octets);
	return w.found;
}

/* Writes all up to the name, ":" stored, and all behind the old hash. */
static void
write_changed(const struct work *w, FILE *f, struct span name,
    const char *stored)
{
	const uint8_t *end = w->octets + w->n, *cut = end, *on = end;

	if (w->found) {
		cut = w->user.name.p + w->user.name.n;
		on = w->user.has_hash ? w->user.hash.p + w->user.hash.n : cut;
	}
	fwrite(w->octets, 1, (size_t)(cut - w->octets), f);
	if (!w->found)
		fprintf(f, "%s%.*s", w->n > 0 && end[-1] != '\n' ? "\n" : "",
		    (int)name.n, (const char *)name.p);
	fprintf(f, ":%s", stored);
	fwrite(on, 1, (size_t)(end - on), f);
	if (!w->found)
		fputc('\n', f);
}

/* Fills the new file and renames it; NULL, or why that failed. */
static const char *
fill(const struct work *w, int fd, struct span name, const char *stored)
{
	struct stat st;
	FILE *f;

	/* Mode and owner first: the new file never lets more users read it. */
	if (fstat(fd, &st) == -1 || ((st.st_uid != w->st.st_uid ||
	    st.st_gid != w->st.st_gid) &&
	    fchown(fd, w->st.st_uid, w->st.st_gid) == -1))
		return "its owner and group cannot be kept";
	if (fchmod(fd, w->st.st_mode & 07777) == -1)
		return "its mode cannot be kept";
	f = fdopen(fd, "w");
	if (f == NULL)
		return "cannot be written";
	write_changed(w, f, name, stored);
	if (fflush(f) == EOF || ferror(f) || fsync(fd) == -1 ||
	    fclose(f) == EOF)
		return "cannot be written";
	return renameat(w->dir, w->beside, w->dir, w->base) == -1 ?
	    "cannot be replaced" : NULL;
}

static void
replace(const struct work *w, struct span name, const char *stored)
{
	const char *why;
	int fd, error;

	if (w->st.st_nlink > 1)
		errx(1, "%s has another name (a hard link), which would keep "
		    "the old passwords: remove that", w->path);
	/* We hold the lock: such a file was left by a killed smtpctl. */
	if (unlinkat(w->dir, w->beside, 0) == -1 && errno != ENOENT)
		err(1, "%s: cannot be written beside it", w->path);
	fd = openat(w->dir, w->beside, O_WRONLY | O_CREAT | O_EXCL |
	    O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1)
		err(1, "%s: cannot be written beside it", w->path);
	why = fill(w, fd, name, stored);
	if (why != NULL) {
		error = errno;
		unlinkat(w->dir, w->beside, 0);
		errc(1, error, "%s: %s", w->path, why);
	}
	if (fsync(w->dir) == -1)
		err(1, "%s: was changed, but its directory is not on disk",
		    w->path);
}

/* Will smtpd read the new line as this name? */
static bool
may_be_added(struct span name)
{
	struct conf_user_line user;
	struct mailbox m;

	conf_parse_user(conf_trim_line(name), &user);
	return span_equal(user.name, name) && !user.has_hash &&
	    name.n <= smtp_local_max_bytes &&
	    smtp_mailbox_from_text(name, &m) && m.domain_len == 0 &&
	    m.local_len > 0 && conf_name_is_file(name);
}

bool
passwd_file_set(const char *path, struct span name, bool add,
    const char *stored)
{
	struct work w = { .found = false };

	open_dir(&w, path);
	open_locked(&w);
	read_file(&w);
	find_entry(&w, name);
	if (!w.found && !add)
		return false;
	if (!w.found && !may_be_added(name))
		errx(1, "that cannot be the name of a user: see USERS in "
		    "smtpd.conf(5)");
	replace(&w, name, stored);
	if ((w.st.st_mode & S_IROTH) != 0)
		warnx("%s can be read by everybody on this host, who may then "
		    "guess passwords: chmod o-r", path);
	return true;
}
