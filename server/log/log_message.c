/* The chained message log. */
#include "server/log/log_message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/log/figure.h"
#include "shared/file.h"
#include "shared/log.h"

enum {
	time_bytes = sizeof("2026-11-24T00:16:26Z") - 1,
	/* Number and hash add less to a line than it has without them. */
	linked_bytes = 2 * log_message_buffer_bytes,
	file_flags = O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
};

void
log_message_add(struct log_message *l, const struct log_record *r)
{
	struct buf b;

	/* Lines that cannot be written are lost; the chain stays whole. */
	if (sizeof(l->pending) - l->n < log_line_bytes &&
	    log_message_flush(l) == -1)
		l->n = 0;
	b = buf_over(l->pending + l->n, log_line_bytes - 256);
	buf_add_str(&b, figure_utc(time(NULL)));
	log_record_write_body(r, &b);
	buf_add_str(&b, "\n");
	/* Never cut: the bounds of all parts add up to less than a line. */
	if (!b.cut)
		l->n += b.n;
}

/* ---- the file, with the lock of dir held ------------------------------- */

/* Writes all added lines or none, in an empty file behind an OPEN line. */
static int
write_pending(struct log_message *l)
{
	static uint8_t text[linked_bytes];
	char body[2048];
	struct buf out = buf_over(text, sizeof(text));
	struct buf first = buf_over(body, sizeof(body));
	struct span rest = span_from(l->pending, l->n);
	struct log_point last = l->last;
	struct stat st;
	size_t n;

	if (l->size == 0 && last.n > 0) {
		log_record_write_body(&(struct log_record){
		    .event = LOG_EVENT_OPEN, .after = span_of(l->after) },
		    &first);
		log_chain_add(&last, span_of(figure_utc(time(NULL))),
		    buf_span(&first), &out);
	}
	while (rest.n > 0) {
		struct span line = span_cut(&rest, '\n');

		log_chain_add(&last, span_from(line.p, time_bytes),
		    span_skip(line, time_bytes), &out);
	}
	n = file_write(l->fd, buf_span(&out));
	if (n < out.n) {
		int error = errno;

		if (n > 0 && fstat(l->fd, &st) == 0)
			(void)!ftruncate(l->fd, st.st_size - (off_t)n);
		errno = error;
		return -1;
	}
	l->unsynced = l->unsynced || n > 0;
	l->size += (off_t)n;
	l->last = last;
	l->n = 0;
	return 0;
}

/* Moves the octets from start on to a new file in bad. */
static int
put_tail_aside(const struct log_message *l, off_t start)
{
	char chunk[4096], name[64];
	ssize_t n;
	int out, result;

	snprintf(name, sizeof(name), "log-message-tail.%lld",
	    (long long)time(NULL));
	out = openat(l->bad, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
	    0600);
	if (out == -1)
		return -1;
	for (off_t at = start; (n = pread(l->fd, chunk, sizeof(chunk), at)) > 0;
	    at += n)
		if (write(out, chunk, (size_t)n) != n)
			break;
	result = n == 0 && fsync(out) == 0 ? ftruncate(l->fd, start) : -1;
	close(out);
	return result;
}

/* Finds the last line of the newest rotated file that has one of ours. */
static int
find_newest(struct log_message *l, struct log_point *out)
{
	struct log_files f;
	off_t ignored;

	l->after[0] = '\0';
	if (log_files_find(l->dir, ".", &f) == -1)
		return -1;
	for (size_t i = f.count; i > 0 && out->n == 0; i--) {
		const char *path = f.files[i - 1].path;
		int fd = f.files[i - 1].first == 0 ? -1 : openat(l->dir, path,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

		if (fd == -1)
			continue;
		if (log_files_last(fd, out, &ignored) == -1 || out->n == 0)
			memset(out, 0, sizeof(*out));
		else
			snprintf(l->after, sizeof(l->after), "%s", path + 2);
		close(fd);
	}
	free(f.files);
	return 0;
}

/* Reads the last line of the log, and puts aside what follows in the file. */
static int
read_last(struct log_message *l, bool *torn)
{
	const struct log_point known = l->last;
	struct log_point found;
	struct stat st;
	off_t end;

	if (log_files_last(l->fd, &found, &end) == -1 ||
	    fstat(l->fd, &st) == -1)
		return -1;
	if (end != st.st_size) {
		*torn = true;
		if (put_tail_aside(l, end) == -1)
			return -1;
	}
	if (end > 0 && found.n == 0 && known.n == 0)
		log_error("the last line of the message log is none of "
		    "smtpd's: what is chained to it counts from 1 again",
		    "log/message", 0);
	else if (end == 0 && find_newest(l, &found) == -1)
		return -1;
	l->last = found.n < known.n ? known : found;
	l->size = end;
	return 0;
}

/* Opens "message", or creates it.  -1, errno: the old file stays in use. */
static int
follow(struct log_message *l, bool *torn)
{
	const struct log_point last = l->last;
	const off_t size = l->size;
	const int old = l->fd;
	struct stat st;
	int error;

	l->fd = openat(l->dir, "message", file_flags | O_CREAT, 0600);
	if (l->fd == -1 || fstat(l->fd, &st) == -1)
		error = errno;
	/* A second name, a link, may be a trick to have a file written. */
	else if (old != -1 && (!S_ISREG(st.st_mode) || st.st_nlink != 1))
		error = EMLINK;
	else if (read_last(l, torn) == 0 && write_pending(l) == 0 &&
	    fsync(l->fd) == 0 && fsync(l->dir) == 0) {
		if (old != -1) {
			(void)fdatasync(old);
			close(old);
		}
		l->moved_on = old != -1;
		return 0;
	} else
		error = errno;
	file_close(l->fd);
	l->fd = old;
	l->size = size;
	l->last = last;
	errno = error;
	return -1;
}

/* Finds the last line of any writer; *moved: the new file cannot be opened. */
static int
catch_up(struct log_message *l, bool *moved)
{
	struct stat own, there;
	bool ignored;

	if (fstat(l->fd, &own) == -1 || (own.st_size != l->size &&
	    read_last(l, &ignored) == -1))
		return -1;
	*moved = (fstatat(l->dir, "message", &there, AT_SYMLINK_NOFOLLOW) == -1
	    || own.st_ino != there.st_ino || own.st_dev != there.st_dev) &&
	    follow(l, &ignored) == -1;
	return 0;
}

/* Renames "message" to the time, and a number if that name is taken. */
static int
move_away(const struct log_message *l, char name[log_message_name_bytes])
{
	time_t now = time(NULL);
	struct stat ignored;
	struct tm utc;
	size_t n;

	gmtime_r(&now, &utc);
	n = strftime(name, log_message_name_bytes, "message.%Y%m%dT%H%M%SZ",
	    &utc);
	for (unsigned i = 1; fstatat(l->dir, name, &ignored,
	    AT_SYMLINK_NOFOLLOW) == 0; i++)
		snprintf(name + n, log_message_name_bytes - n, "-%04u", i);
	return renameat(l->dir, "message", l->dir, name);
}

static int
rotate(struct log_message *l, char name[log_message_name_bytes])
{
	bool moved, moved_on, ignored;
	int error;

	if (catch_up(l, &moved) == -1 || moved || write_pending(l) == -1 ||
	    log_message_sync(l) == -1)
		return -1;
	moved_on = l->moved_on;
	l->moved_on = false;
	if (moved_on || l->size == 0)
		return 0;
	if (move_away(l, name) == -1)
		return -1;
	if (follow(l, &ignored) == 0) {
		l->moved_on = false;
		return 0;
	}
	error = errno;
	(void)renameat(l->dir, name, l->dir, "message");
	errno = error;
	return -1;
}

/* ---- under the lock ---------------------------------------------------- */

/* Returns result; keeps errno. */
static int
unlock(const struct log_message *l, int result)
{
	int error = errno;

	(void)flock(l->dir, LOCK_UN);
	errno = error;
	return result;
}

int
log_message_open(struct log_message *l, int dir, int bad, bool *torn)
{
	*torn = false;
	l->dir = dir;
	l->bad = bad;
	l->fd = -1;
	l->n = 0;
	l->moved_on = l->unsynced = false;
	memset(&l->last, 0, sizeof(l->last));
	return flock(dir, LOCK_EX) == -1 ? -1 : unlock(l, follow(l, torn));
}

int
log_message_flush(struct log_message *l)
{
	bool ignored;

	if (l->n == 0)
		return 0;
	return flock(l->dir, LOCK_EX) == -1 ? -1 : unlock(l,
	    catch_up(l, &ignored) == -1 ? -1 : write_pending(l));
}

int
log_message_sync(struct log_message *l)
{
	if (!l->unsynced)
		return 0;
	/* No retry: after a failure fdatasync(2) may falsely succeed. */
	l->unsynced = false;
	return fdatasync(l->fd);
}

int
log_message_rotate(struct log_message *l, char name[log_message_name_bytes])
{
	name[0] = '\0';
	return flock(l->dir, LOCK_EX) == -1 ? -1 : unlock(l, rotate(l, name));
}
