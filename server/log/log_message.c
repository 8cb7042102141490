/*
 * The chained message log.
 */
#include "server/log/log_message.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
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
	text_bytes = 1024,		/* of an address or name, escaped */
	/* A link adds less to a line than the line has without it. */
	linked_bytes = 2 * log_message_buffer_bytes,
	file_flags = O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
};

static const char name_form[] = "message.%Y%m%dT%H%M%SZ";

/* ---- lines ------------------------------------------------------------- */

/* Adds the line that follows *last, then sets *last to that line. */
static void
add_linked(struct buf *out, struct log_link *last, struct span time,
    struct span body)
{
	char previous[2 * log_hash_bytes + 1];
	struct log_record r = { .time = time, .n = last->n + 1 };
	size_t at = out->n;

	sodium_bin2hex(previous, sizeof(previous), last->hash,
	    sizeof(last->hash));
	r.previous = span_of(previous);
	log_record_write(&r, body, out);
	if (out->cut)
		bug("a line of the message log is longer than its bounds");
	last->n = r.n;
	crypto_generichash(last->hash, sizeof(last->hash), out->p + at,
	    out->n - at - 1, NULL, 0);
}

static struct span
escape(char text[text_bytes], struct span s)
{
	struct buf b = buf_over(text, text_bytes);

	json_add_text(&b, s);
	return buf_span(&b);
}

void
log_message_add(struct log_message *l, const struct log_record *r)
{
	char from[text_bytes], helo[text_bytes], file[text_bytes],
	    user[text_bytes], now[figure_bytes];
	struct log_record escaped = *r;
	struct buf b;

	/* Lines that cannot be written are lost; the chain stays whole. */
	if (sizeof(l->pending) - l->n < log_line_bytes &&
	    log_message_flush(l) == -1)
		l->n = 0;
	escaped.event = LOG_EVENT_STORE;
	escaped.from = escape(from, r->from);
	escaped.helo = escape(helo, r->helo);
	escaped.user = escape(user, r->user);
	escaped.file = escape(file, r->file);
	figure_utc(time(NULL), now);
	b = buf_over(l->pending + l->n, log_line_bytes - 256);
	buf_add_str(&b, now);
	log_record_write_body(&escaped, &b);
	buf_add_str(&b, "\n");
	/* Never cut: the bounds of all parts add up to less than a line. */
	if (!b.cut)
		l->n += b.n;
}

/* ---- the file ---------------------------------------------------------- */

static int
lock(const struct log_message *l)
{
	return flock(l->dir, LOCK_EX);
}

/* Keeps errno. */
static void
unlock(const struct log_message *l)
{
	int error = errno;

	(void)flock(l->dir, LOCK_UN);
	errno = error;
}

/* Removes the last count octets: a partial line would break the chain. */
static void
take_back(struct log_message *l, size_t count)
{
	int error = errno;
	struct stat st;

	if (count > 0 && fstat(l->fd, &st) == 0)
		(void)!ftruncate(l->fd, st.st_size - (off_t)count);
	errno = error;
}

/* Writes all of lines or none; *last is the link of the last one. */
static int
append(struct log_message *l, struct span lines, const struct log_link *last)
{
	size_t n = file_write(l->fd, lines);

	if (n < lines.n) {
		take_back(l, n);
		return -1;
	}
	l->unsynced = l->unsynced || lines.n > 0;
	l->size += (off_t)lines.n;
	l->last = *last;
	return 0;
}

static int
write_pending(struct log_message *l)
{
	static uint8_t text[linked_bytes];
	struct buf out = buf_over(text, sizeof(text));
	struct span rest = span_from(l->pending, l->n);
	struct log_link last = l->last;

	while (rest.n > 0) {
		const uint8_t *lf = memchr(rest.p, '\n', rest.n);
		size_t n = (size_t)(lf - rest.p);

		add_linked(&out, &last, span_from(rest.p, time_bytes),
		    span_from(rest.p + time_bytes, n - time_bytes));
		rest = span_skip(rest, n + 1);
	}
	if (append(l, buf_span(&out), &last) == -1)
		return -1;
	l->n = 0;
	return 0;
}

/* Writes the first line of a file that follows the file after, or "". */
static int
begin_file(struct log_message *l, const char *after)
{
	char text[text_bytes], line[2 * text_bytes], body[2 * text_bytes];
	char now[figure_bytes];
	struct buf b = buf_over(body, sizeof(body));
	struct buf out = buf_over(line, sizeof(line));
	struct log_record r = { .event = LOG_EVENT_OPEN,
	    .after = escape(text, span_of(after)) };
	struct log_link last = l->last;

	figure_utc(time(NULL), now);
	log_record_write_body(&r, &b);
	add_linked(&out, &last, span_of(now), buf_span(&b));
	if (append(l, buf_span(&out), &last) == -1)
		return -1;
	return fsync(l->fd) == 0 && fsync(l->dir) == 0 ? 0 : -1;
}

/*
 * Reads the last line of the file.  If the file is empty, or was copied and
 * truncated, begins it behind the last line of the newest rotated file.  The
 * last line we wrote may be newer than any that is left.
 */
static int
read_last(struct log_message *l, bool *torn)
{
	const struct log_link known = l->last;
	struct log_link found;
	char name[256] = "";
	struct stat st;
	bool strange;

	if (log_message_last(l->fd, l->bad, &found, torn, &strange) == -1 ||
	    fstat(l->fd, &st) == -1)
		return -1;
	if (strange && known.n == 0)
		log_error("the last line of the message log is none of "
		    "smtpd's: what is chained to it counts from 1 again",
		    "log/message", 0);
	else if (found.n == 0 && !strange &&
	    log_message_newest(l->dir, &found, name, sizeof(name)) == -1)
		return -1;
	l->last = found.n < known.n ? known : found;
	l->size = st.st_size;
	return l->size > 0 || l->last.n == 0 ? 0 : begin_file(l, name);
}

/* Is "message" still the file that l has open? */
static bool
is_in_place(const struct log_message *l)
{
	struct stat own, there;

	return fstat(l->fd, &own) == 0 && fstatat(l->dir, "message", &there,
	    AT_SYMLINK_NOFOLLOW) == 0 && own.st_ino == there.st_ino &&
	    own.st_dev == there.st_dev;
}

/* A regular file with one name: a link may be a trick to have it written. */
static bool
is_plain(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1;
}

/*
 * The file was moved away: goes on in the one that is there now, or creates it.
 * -1 and errno: that failed, and the old file stays in use.
 */
static int
follow(struct log_message *l)
{
	const struct log_link last = l->last;
	const off_t size = l->size;
	const int old = l->fd;
	bool ignored;
	int error;

	l->fd = openat(l->dir, "message", file_flags | O_CREAT, 0600);
	if (l->fd != -1 && is_plain(l->fd) && read_last(l, &ignored) == 0) {
		(void)fdatasync(old);
		close(old);
		l->moved_on = true;
		return 0;
	}
	error = errno;
	if (l->fd != -1)
		close(l->fd);
	l->fd = old;
	l->size = size;
	l->last = last;
	errno = error;
	return -1;
}

/* With the lock held: finds the last line, which others may have written. */
static int
catch_up(struct log_message *l)
{
	struct stat st;
	bool ignored;

	if (fstat(l->fd, &st) == -1 || (st.st_size != l->size &&
	    read_last(l, &ignored) == -1))
		return -1;
	if (!is_in_place(l))
		(void)follow(l);
	return 0;
}

int
log_message_open(struct log_message *l, int dir, int bad, bool *torn)
{
	int result;

	l->n = 0;
	l->dir = dir;
	l->bad = bad;
	l->moved_on = l->unsynced = false;
	memset(&l->last, 0, sizeof(l->last));
	*torn = false;
	l->fd = -1;
	if (lock(l) == -1)
		return -1;
	l->fd = openat(dir, "message", file_flags | O_CREAT, 0600);
	result = l->fd == -1 ? -1 : read_last(l, torn);
	unlock(l);
	return result;
}

int
log_message_flush(struct log_message *l)
{
	int result;

	if (l->n == 0)
		return 0;
	if (lock(l) == -1)
		return -1;
	result = catch_up(l) == -1 ? -1 : write_pending(l);
	unlock(l);
	return result;
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

/* Renames "message" to the time, and a number if that name is taken. */
static int
move_away(const struct log_message *l, char name[log_message_name_bytes])
{
	time_t now = time(NULL);
	struct stat ignored;
	struct tm utc;
	size_t n;

	gmtime_r(&now, &utc);
	n = strftime(name, log_message_name_bytes, name_form, &utc);
	for (unsigned i = 1; fstatat(l->dir, name, &ignored,
	    AT_SYMLINK_NOFOLLOW) == 0; i++)
		snprintf(name + n, log_message_name_bytes - n, "-%04u", i);
	return renameat(l->dir, "message", l->dir, name);
}

static int
rotate(struct log_message *l, char name[log_message_name_bytes])
{
	bool moved_on;
	int error;

	if (catch_up(l) == -1 || write_pending(l) == -1 ||
	    log_message_sync(l) == -1)
		return -1;
	moved_on = l->moved_on;
	l->moved_on = false;
	/* catch_up could not follow: try again, for errno. */
	if (!is_in_place(l))
		return follow(l);
	if (moved_on || l->size == 0)
		return 0;
	if (move_away(l, name) == -1)
		return -1;
	if (follow(l) == 0) {
		l->moved_on = false;
		return 0;
	}
	error = errno;
	(void)renameat(l->dir, name, l->dir, "message");
	errno = error;
	return -1;
}

int
log_message_rotate(struct log_message *l, char name[log_message_name_bytes])
{
	int result;

	name[0] = '\0';
	if (lock(l) == -1)
		return -1;
	result = rotate(l, name);
	unlock(l);
	return result;
}
