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
#include "server/log/log_message_file.h"
#include "shared/file.h"
#include "shared/log.h"

enum {
	to_max_bytes = 4 * 1024,	/* mailboxes a line names */
	text_bytes = 2 * smtp_mailbox_text_max_bytes,
	file_flags = O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
};

static const char name_form[] = "message.%Y%m%dT%H%M%SZ";

/* What every line begins and ends with; texts live as long as the arrays. */
struct frame {
	char	time[figure_bytes];
	char	previous[2 * log_hash_bytes + 1];
};

static void
begin_record(const struct log_message *l, struct frame *f,
    struct log_record *r)
{
	memset(r, 0, sizeof(*r));
	figure_utc(time(NULL), f->time);
	sodium_bin2hex(f->previous, sizeof(f->previous), l->last.hash,
	    sizeof(l->last.hash));
	r->time = span_of(f->time);
	r->previous = span_of(f->previous);
	r->n = l->last.n + 1;
}

/* Lines that found no place for so long are lost; the chain is not. */
static void
forget_pending(struct log_message *l)
{
	l->n = 0;
	l->last = l->written;
}

static void
end_record(struct log_message *l, const struct log_record *r)
{
	size_t room = sizeof(l->pending) - l->n;
	struct buf b = buf_over(l->pending + l->n,
	    room < log_line_bytes ? room : log_line_bytes);

	log_record_write(r, &b);
	/* Bounds of all parts are below that of a line. */
	if (b.cut)
		return;
	crypto_generichash(l->last.hash, sizeof(l->last.hash), b.p, b.n - 1,
	    NULL, 0);
	l->last.n = r->n;
	l->n += b.n;
}

static void
add_mailboxes(struct buf *list, const struct recipient_set *to)
{
	char text[text_bytes], address[smtp_mailbox_text_max_bytes];

	for (size_t i = 0; i < to->count; i++) {
		struct buf escaped = buf_over(text, sizeof(text));
		struct buf before = *list;

		snprintf(address, sizeof(address), "%s%s%s",
		    to->boxes[i].user, to->boxes[i].domain[0] ? "@" : "",
		    to->boxes[i].domain);
		json_add_text(&escaped, span_of(address));
		log_record_add_to(list, buf_span(&escaped));
		if (!list->cut)
			continue;
		*list = before;
		return;
	}
}

static struct span
escape(char text[text_bytes], struct span s)
{
	struct buf b = buf_over(text, text_bytes);

	json_add_text(&b, s);
	return buf_span(&b);
}

void
log_message_add(struct log_message *l, const struct log_message_fact *fact)
{
	static char to_text[to_max_bytes], from_text[text_bytes],
	    helo_text[text_bytes], file_text[text_bytes],
	    user_text[text_bytes];
	char from[smtp_mailbox_text_max_bytes];
	struct buf to = buf_over(to_text, sizeof(to_text));
	struct log_record r;
	struct frame f;
	size_t n;

	if (sizeof(l->pending) - l->n < log_line_bytes &&
	    log_message_flush(l) == -1)
		forget_pending(l);
	begin_record(l, &f, &r);
	n = smtp_mailbox_text(fact->from, from);
	add_mailboxes(&to, fact->to);
	r.event = LOG_EVENT_STORE;
	r.id = span_of(fact->id);
	r.session = span_of(fact->session);
	r.client = span_of(fact->client);
	r.port = fact->port;
	r.helo = escape(helo_text, fact->helo);
	r.protocol = span_of(fact->protocol);
	r.user = escape(user_text, fact->user);
	r.from = escape(from_text, span_from(from, n));
	r.size = fact->size;
	r.file = escape(file_text, span_of(fact->file));
	r.mailboxes = fact->to->count;
	r.to = buf_span(&to);
	r.recipients = fact->rcpts->count;
	r.rcpt = span_from(fact->rcpts->text, fact->rcpts->n);
	end_record(l, &r);
}

static int
lock(const struct log_message *l)
{
	return flock(l->dir, LOCK_EX);
}

/* errno stays. */
static void
unlock(const struct log_message *l)
{
	int error = errno;

	(void)flock(l->dir, LOCK_UN);
	errno = error;
}

/* Takes back the last count octets: a line in part would break the chain. */
static void
take_back(struct log_message *l, size_t count)
{
	int error = errno;
	struct stat st;

	if (count > 0 && fstat(l->fd, &st) == 0)
		(void)!ftruncate(l->fd, st.st_size - (off_t)count);
	errno = error;
}

static int
append(struct log_message *l)
{
	size_t n = file_write(l->fd, span_from(l->pending, l->n));

	if (n < l->n) {
		take_back(l, n);
		return -1;
	}
	l->unsynced = l->unsynced || l->n > 0;
	l->size += (off_t)l->n;
	l->n = 0;
	l->written = l->last;
	return 0;
}

/* Lines were added behind another line than now: they get their links anew. */
static void
chain_again(struct log_message *l)
{
	static uint8_t copy[log_message_buffer_bytes];
	char previous[2 * log_hash_bytes + 1];
	struct span rest = span_from(copy, l->n);
	struct log_record r;

	memcpy(copy, l->pending, l->n);
	forget_pending(l);
	while (rest.n > 0) {
		const uint8_t *end = memchr(rest.p, '\n', rest.n);
		size_t n = end == NULL ? 0 : (size_t)(end - rest.p);

		if (end == NULL || !log_record_read(span_from(rest.p, n), &r))
			bug("a line that waits is none of the message log");
		sodium_bin2hex(previous, sizeof(previous), l->last.hash,
		    sizeof(l->last.hash));
		r.previous = span_of(previous);
		r.n = l->last.n + 1;
		end_record(l, &r);
		rest = span_skip(rest, n + 1);
	}
}

/* Is "message" still the file that is written to? */
static bool
is_in_place(const struct log_message *l)
{
	struct stat own, there;

	return fstat(l->fd, &own) == 0 && fstatat(l->dir, "message", &there,
	    AT_SYMLINK_NOFOLLOW) == 0 && own.st_ino == there.st_ino &&
	    own.st_dev == there.st_dev;
}

/*
 * Reads the last line of the file; of one that is empty, or was cut to
 * nothing behind a copy, the newest of those that were rotated.  *name is
 * where it stood, "" in the file itself.  known: what we wrote last, which
 * may be newer than what is left.
 */
static int
find_last(struct log_message *l, const struct log_link *known, char *name,
    size_t name_bytes, bool *torn)
{
	struct stat st;
	bool strange;

	name[0] = '\0';
	if (log_message_last(l->fd, l->bad, &l->written, torn, &strange) ==
	    -1 || fstat(l->fd, &st) == -1)
		return -1;
	l->size = st.st_size;
	if (strange && known->n == 0)
		log_error("the last line of the message log is none of "
		    "smtpd's: what is chained to it counts from 1 again",
		    "log/message", 0);
	else if (l->written.n == 0 && !strange &&
	    log_message_newest(l->dir, &l->written, name, name_bytes) == -1)
		return -1;
	if (l->written.n < known->n)
		l->written = *known;
	return 0;
}

static void
add_open(struct log_message *l, const char *after)
{
	char text[512];
	struct buf escaped = buf_over(text, sizeof(text));
	struct log_record r;
	struct frame f;

	begin_record(l, &f, &r);
	r.event = LOG_EVENT_OPEN;
	json_add_text(&escaped, span_of(after));
	r.after = buf_span(&escaped);
	end_record(l, &r);
}

/* The first line of an empty file; what waits comes behind it. */
static int
begin_file(struct log_message *l, const char *after)
{
	static uint8_t waiting[log_message_buffer_bytes];
	size_t n = l->n;
	int result;

	memcpy(waiting, l->pending, n);
	forget_pending(l);
	add_open(l, after);
	result = append(l);
	memcpy(l->pending, waiting, n);
	l->n = n;
	return result;
}

/* Can fd, just opened, be the file from now on? */
static bool
take_over(struct log_message *l, int fd, const struct log_link *known)
{
	bool torn = false;
	char name[256];
	struct stat st;

	l->fd = fd;
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) ||
	    st.st_nlink != 1 ||
	    find_last(l, known, name, sizeof(name), &torn) == -1)
		return false;
	if (l->size > 0 || l->written.n == 0)
		return true;
	return begin_file(l, name) == 0 && fsync(fd) == 0 &&
	    fsync(l->dir) == 0;
}

/*
 * Another has moved the file away: goes on in the one that is there now, or
 * is made.  False: there is none to go on in, and the old one has to do.
 */
static bool
follow(struct log_message *l)
{
	const struct log_link written = l->written;
	const off_t size = l->size;
	const int old = l->fd;
	struct log_link known;
	bool ignored;
	int error, fd;

	if (log_message_last(old, l->bad, &known, &ignored, &ignored) == -1)
		return false;
	if (known.n < written.n)
		known = written;
	fd = openat(l->dir, "message", file_flags | O_CREAT, 0600);
	if (fd == -1)
		return false;
	if (take_over(l, fd, &known)) {
		(void)fdatasync(old);
		close(old);
		l->moved_on = true;
		return true;
	}
	error = errno;
	close(fd);
	l->fd = old;
	l->size = size;
	l->written = written;
	chain_again(l);
	errno = error;
	return false;
}

/* With the lock held: the next line of ours follows the last that is there. */
static int
catch_up(struct log_message *l)
{
	struct log_link known = l->written;
	bool torn = false;
	char name[256];
	struct stat st;

	if (!is_in_place(l) && follow(l)) {
		chain_again(l);
		return 0;
	}
	if (fstat(l->fd, &st) == -1)
		return -1;
	if (st.st_size == l->size)
		return 0;
	if (find_last(l, &known, name, sizeof(name), &torn) == -1)
		return -1;
	chain_again(l);
	return 0;
}

int
log_message_open(struct log_message *l, int dir, int bad, bool *torn)
{
	const struct log_link none = { 0 };
	char name[256];
	int result = -1;

	l->n = 0;
	l->dir = dir;
	l->bad = bad;
	l->moved_on = l->unsynced = false;
	*torn = false;
	l->fd = -1;
	if (lock(l) == -1)
		return -1;
	l->fd = openat(dir, "message", file_flags | O_CREAT, 0600);
	if (l->fd != -1 && find_last(l, &none, name, sizeof(name), torn) == 0)
		result = 0;
	l->last = l->written;
	if (result == 0 && l->size == 0 && l->written.n > 0)
		result = begin_file(l, name);
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
	result = catch_up(l) == -1 ? -1 : append(l);
	unlock(l);
	return result;
}

int
log_message_sync(struct log_message *l)
{
	if (!l->unsynced)
		return 0;
	/* After a failure the kernel may call the next try a success. */
	l->unsynced = false;
	return fdatasync(l->fd);
}

/* A name that is free: with the time, and with a number when it is not. */
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

	if (catch_up(l) == -1 || append(l) == -1 ||
	    log_message_sync(l) == -1)
		return -1;
	moved_on = l->moved_on;
	l->moved_on = false;
	/* Where it could not be followed, this time errno says why. */
	if (!is_in_place(l))
		return follow(l) ? 0 : -1;
	if (moved_on || l->size == 0)
		return 0;
	if (move_away(l, name) == -1)
		return -1;
	if (follow(l)) {
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
