/*
 * A users file, rewritten: locked against another smtpctl, written beside the
 * old one, brought to disk, renamed.  Whoever reads it meanwhile (smtpd,
 * Dovecot) sees the old file or the new one, never a part.
 *
 * The lock is on the file itself, so no lock file is left behind.  A rename
 * takes the name away from what is locked, so after locking it is looked
 * whether the name still means this file.
 */
#include "server/smtpctl/passwd_file.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/conf/conf_parse.h"
#include "server/conf/conf_text.h"
#include "shared/smtp_syntax.h"

enum { lock_tries = 50, lock_pause_ms = 100 };

/* The file open, and what is in it. */
struct work {
	struct passwd_file	*f;
	char			 dir[PATH_MAX];
	char			 base[NAME_MAX + 1];
	char			 beside[NAME_MAX + 1];	/* the new one */
	int			 dir_fd;
	int			 fd;
	struct stat		 st;
	uint8_t			*octets;
	size_t			 n;
	/* the entry: its line, and in it the name and what is behind it */
	bool			 found;
	struct span		 line;
	struct conf_user_line	 user;
};

static bool problem(struct passwd_file *f, const char *format, ...)
	    __attribute__((format(printf, 2, 3)));

static bool
problem(struct passwd_file *f, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(f->problem, sizeof(f->problem), format, ap);
	va_end(ap);
	return false;
}

static bool
failed(struct work *w, const char *what)
{
	return problem(w->f, "%s: %s: %s", w->f->path, what, strerror(errno));
}

/* A link would be replaced by a file, and what it names stay as it was. */
static bool
refuse_link(struct work *w)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(w->dir_fd, w->base, target, sizeof(target) - 1);

	target[n < 0 ? 0 : n] = '\0';
	return problem(w->f, "%s is a symbolic link to %.1000s: name the file "
	    "itself with -u", w->f->path, target);
}

static bool
open_dir(struct work *w)
{
	char copy[PATH_MAX];

	if (strlen(w->f->path) >= sizeof(copy)) {
		errno = ENAMETOOLONG;
		return failed(w, "cannot be opened");
	}
	strlcpy(copy, w->f->path, sizeof(copy));
	strlcpy(w->dir, dirname(copy), sizeof(w->dir));
	strlcpy(copy, w->f->path, sizeof(copy));
	if (strlcpy(w->base, basename(copy), sizeof(w->base)) >=
	    sizeof(w->base) || snprintf(w->beside, sizeof(w->beside),
	    ".%s.smtpctl", w->base) >= (int)sizeof(w->beside)) {
		errno = ENAMETOOLONG;
		return failed(w, "cannot be opened");
	}
	w->dir_fd = open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return w->dir_fd != -1 || failed(w, "its directory cannot be opened");
}

static bool
open_file(struct work *w)
{
	/* Not blocking: a FIFO would wait for somebody to write. */
	w->fd = openat(w->dir_fd, w->base, O_RDONLY | O_NOFOLLOW | O_CLOEXEC |
	    O_NONBLOCK | O_NOCTTY);
	if (w->fd == -1 && (errno == ELOOP || errno == EMLINK))
		return refuse_link(w);
	if (w->fd == -1)
		return failed(w, "cannot be opened");
	if (fstat(w->fd, &w->st) == -1)
		return failed(w, "cannot be looked at");
	if (!S_ISREG(w->st.st_mode))
		return problem(w->f, "%s is not a file", w->f->path);
	w->f->exposed = (w->st.st_mode & S_IROTH) != 0;
	return true;
}

static bool
is_still_it(const struct work *w)
{
	struct stat st;

	return fstatat(w->dir_fd, w->base, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_dev == w->st.st_dev && st.st_ino == w->st.st_ino;
}

/* Not for ever: everybody who can read the file can hold its lock. */
static bool
open_locked(struct work *w)
{
	struct timespec pause = { 0, lock_pause_ms * 1000000L };

	for (int i = 0; i < lock_tries; i++) {
		if (!open_file(w))
			return false;
		if (flock(w->fd, LOCK_EX | LOCK_NB) == 0) {
			/* Who held it before us may have written it since. */
			if (is_still_it(w))
				return fstat(w->fd, &w->st) == 0 ||
				    failed(w, "cannot be looked at");
		} else if (errno != EWOULDBLOCK && errno != EINTR)
			return failed(w, "cannot be locked");
		else
			nanosleep(&pause, NULL);
		close(w->fd);
		w->fd = -1;
	}
	return problem(w->f, "%s is locked by another program for 5 seconds "
	    "now: try again when it has ended", w->f->path);
}

static bool
read_file(struct work *w)
{
	size_t size;
	ssize_t n;

	if (w->st.st_size > conf_text_max_bytes) {
		errno = EFBIG;
		return failed(w, "cannot be read");
	}
	size = (size_t)w->st.st_size;
	w->octets = malloc(size + 1);
	if (w->octets == NULL)
		return failed(w, "cannot be read");
	do {
		n = pread(w->fd, w->octets + w->n, size + 1 - w->n,
		    (off_t)w->n);
		w->n += n > 0 ? (size_t)n : 0;
	} while (w->n <= size && (n > 0 || (n == -1 && errno == EINTR)));
	if (n == -1)
		return failed(w, "cannot be read");
	return w->n == size || problem(w->f, "%s was changed while it was "
	    "read: try again", w->f->path);
}

static bool
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
			return problem(w->f, "%s has that name twice, in lines "
			    "%u and %u: remove one", w->f->path, first,
			    number);
		w->found = true;
		w->user = user;
		w->line = line;
		first = number;
	}
	return true;
}

static bool
begin(struct work *w, struct passwd_file *f, struct span name, bool lock)
{
	memset(w, 0, sizeof(*w));
	w->f = f;
	w->dir_fd = w->fd = -1;
	return open_dir(w) && (lock ? open_locked(w) : open_file(w)) &&
	    read_file(w) && find_entry(w, name);
}

static void
end(struct work *w)
{
	if (w->octets != NULL)
		explicit_bzero(w->octets, w->n);
	free(w->octets);
	if (w->fd != -1)
		close(w->fd);
	if (w->dir_fd != -1)
		close(w->dir_fd);
}

static bool
nobody_there(struct work *w, struct span name, const char *more)
{
	char shown[conf_shown_max_bytes];

	conf_show(name, shown, sizeof(shown));
	return problem(w->f, "%s has no user \"%s\"%s", w->f->path, shown,
	    more);
}

bool
passwd_file_get(struct passwd_file *f, struct span name,
    char out[password_hash_max_bytes + 1])
{
	struct work w;
	bool fine = begin(&w, f, name, false);

	if (fine && !w.found)
		fine = nobody_there(&w, name, "");
	else if (fine && w.user.hash.n > password_hash_max_bytes)
		fine = problem(f, "%s: a hash of more than 255 octets",
		    f->path);
	else if (fine) {
		memcpy(out, w.user.hash.p, w.user.hash.n);
		out[w.user.hash.n] = '\0';
	}
	end(&w);
	return fine;
}

static bool
write_all(int fd, struct span s)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);

		if (n == -1 && errno != EINTR)
			return false;
		s = span_skip(s, n > 0 ? (size_t)n : 0);
	}
	return true;
}

/* All up to the name; ":" stored; all from behind the old hash on. */
static bool
write_changed(const struct work *w, int fd, struct span name,
    const char *stored)
{
	const uint8_t *end = w->octets + w->n, *cut = end, *on = end;

	if (w->found) {
		cut = w->user.name.p + w->user.name.n;
		on = w->user.has_hash ? w->user.hash.p + w->user.hash.n : cut;
	}
	if (!write_all(fd, span_from(w->octets, (size_t)(cut - w->octets))))
		return false;
	if (!w->found && ((w->n > 0 && end[-1] != '\n' &&
	    !write_all(fd, span_of("\n"))) || !write_all(fd, name)))
		return false;
	return write_all(fd, span_of(":")) &&
	    write_all(fd, span_of(stored)) &&
	    write_all(fd, span_from(on, (size_t)(end - on))) &&
	    (w->found || write_all(fd, span_of("\n")));
}

/* Mode and owner before content: it is never more open than the old one. */
static bool
fill(struct work *w, int fd, struct span name, const char *stored)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return failed(w, "cannot be written");
	if ((st.st_uid != w->st.st_uid || st.st_gid != w->st.st_gid) &&
	    fchown(fd, w->st.st_uid, w->st.st_gid) == -1)
		return failed(w, "its owner and group cannot be kept");
	if (fchmod(fd, w->st.st_mode & 07777) == -1)
		return failed(w, "its mode cannot be kept");
	if (!write_changed(w, fd, name, stored) || fsync(fd) == -1)
		return failed(w, "cannot be written");
	return true;
}

static bool
replace(struct work *w, struct span name, const char *stored)
{
	bool fine;
	int fd;

	if (w->st.st_nlink > 1)
		return problem(w->f, "%s has another name (a hard link), which "
		    "would keep the old passwords: remove that", w->f->path);
	/* We hold the lock: what is there was left by one that was killed. */
	if (unlinkat(w->dir_fd, w->beside, 0) == -1 && errno != ENOENT)
		return failed(w, "cannot be written beside it");
	fd = openat(w->dir_fd, w->beside, O_WRONLY | O_CREAT | O_EXCL |
	    O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1)
		return failed(w, "cannot be written beside it");
	fine = fill(w, fd, name, stored);
	if (close(fd) == -1 && fine)
		fine = failed(w, "cannot be written");
	if (fine && renameat(w->dir_fd, w->beside, w->dir_fd, w->base) == -1)
		fine = failed(w, "cannot be replaced");
	if (!fine)
		unlinkat(w->dir_fd, w->beside, 0);
	else if (fsync(w->dir_fd) == -1)
		fine = failed(w, "was changed, but its directory is not on "
		    "disk");
	return fine;
}

/* What smtpd will read is what was meant. */
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
passwd_file_set(struct passwd_file *f, struct span name, bool add,
    const char *stored)
{
	struct work w;
	bool fine = begin(&w, f, name, true);

	if (fine && !w.found && !add)
		fine = nobody_there(&w, name, ": to add one, say -a");
	else if (fine && !w.found && !may_be_added(name))
		fine = problem(f, "that cannot be the name of a user: see "
		    "USERS in smtpd.conf(5)");
	fine = fine && replace(&w, name, stored);
	end(&w);
	return fine;
}
