/*
 * The chained message log.
 */
#include "server/log_message.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shared/buf.h"

/* More mailboxes than this are counted, not named, in a line. */
enum { named_max = 50 };

static void
hash_line(struct log_message *l, struct span line)
{
	crypto_generichash(l->last, sizeof(l->last), line.p, line.n, NULL, 0);
}

/* Moves the octets of the file from start on to a file of its own in bad. */
static int
put_tail_aside(int fd, int bad, off_t start)
{
	char chunk[4096], name[64];
	ssize_t n;
	int out;

	snprintf(name, sizeof(name), "log-message-tail.%lld",
	    (long long)time(NULL));
	out = openat(bad, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
	    0600);
	if (out == -1)
		return -1;
	for (off_t at = start; (n = pread(fd, chunk, sizeof(chunk), at)) > 0;
	    at += n)
		if (write(out, chunk, (size_t)n) != n) {
			n = -1;
			break;
		}
	if (n == -1 || fsync(out) == -1) {
		close(out);
		return -1;
	}
	close(out);
	return ftruncate(fd, start);
}

/*
 * Where the last line end before at is, its LF included; 0 when there is
 * none, -1 and errno.  Looks back as far as it has to: a file system may
 * leave any length of NULs behind what it wrote.
 */
static off_t
find_line_end(int fd, off_t at)
{
	char chunk[4096];

	while (at > 0) {
		size_t want = at < (off_t)sizeof(chunk) ? (size_t)at :
		    sizeof(chunk);

		if (pread(fd, chunk, want, at - (off_t)want) != (ssize_t)want)
			return -1;
		for (; want > 0; want--, at--)
			if (chunk[want - 1] == '\n')
				return at;
	}
	return 0;
}

static int
hash_from_file(struct log_message *l, off_t from, off_t to)
{
	crypto_generichash_state state;
	uint8_t chunk[4096];

	crypto_generichash_init(&state, NULL, 0, sizeof(l->last));
	while (from < to) {
		size_t want = to - from < (off_t)sizeof(chunk) ?
		    (size_t)(to - from) : sizeof(chunk);

		if (pread(l->fd, chunk, want, from) != (ssize_t)want)
			return -1;
		crypto_generichash_update(&state, chunk, want);
		from += (off_t)want;
	}
	crypto_generichash_final(&state, l->last, sizeof(l->last));
	return 0;
}

/* Finds the last whole line; what stands behind it is put aside. */
static int
read_last_line(struct log_message *l, int bad, bool *torn)
{
	struct stat st;
	off_t start, end;

	if (fstat(l->fd, &st) == -1)
		return -1;
	end = find_line_end(l->fd, st.st_size);
	if (end == -1)
		return -1;
	if (end != st.st_size) {
		*torn = true;
		if (put_tail_aside(l->fd, bad, end) == -1)
			return -1;
	}
	if (end == 0)
		return 0;
	start = find_line_end(l->fd, end - 1);
	return start == -1 ? -1 : hash_from_file(l, start, end - 1);
}

int
log_message_open(struct log_message *l, int dir, int bad, bool *torn)
{
	memset(l->last, 0, sizeof(l->last));
	l->n = 0;
	*torn = false;
	l->fd = openat(dir, "message", O_RDWR | O_CREAT | O_APPEND |
	    O_NOFOLLOW | O_CLOEXEC, 0600);
	if (l->fd == -1)
		return -1;
	if (read_last_line(l, bad, torn) == -1)
		return -1;
	memcpy(l->written, l->last, sizeof(l->written));
	return 0;
}

static void
add_string(struct buf *b, struct span s)
{
	buf_add_str(b, "\"");
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_add_str(b, "\\");
		buf_add(b, span_from(s.p + i, 1));
	}
	buf_add_str(b, "\"");
}

static void
add_member(struct buf *b, const char *key, struct span value)
{
	buf_add_str(b, ",\"");
	buf_add_str(b, key);
	buf_add_str(b, "\":");
	add_string(b, value);
}

static void
add_recipients(struct buf *b, const struct recipient_set *to)
{
	buf_add_str(b, ",\"mailboxes\":");
	buf_add_u64(b, to->count, 1);
	buf_add_str(b, ",\"to\":[");
	for (size_t i = 0; i < to->count && i < named_max; i++) {
		char text[512];
		int n = snprintf(text, sizeof(text), "%s%s%s",
		    to->boxes[i].user, to->boxes[i].domain[0] ? "@" : "",
		    to->boxes[i].domain);

		if (i > 0)
			buf_add_str(b, ",");
		add_string(b, span_from(text, n < 0 ? 0 : (size_t)n));
	}
	buf_add_str(b, "]");
}

static void
add_time(struct buf *b)
{
	struct timespec now;
	struct tm utc;
	char text[32];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	buf_add_str(b, "{\"time\":");
	add_string(b, span_of(text));
}

/* Lines that found no place for so long are lost; the chain is not. */
static void
forget_pending(struct log_message *l)
{
	l->n = 0;
	memcpy(l->last, l->written, sizeof(l->last));
}

void
log_message_add(struct log_message *l, const struct log_message_fact *fact)
{
	char from[smtp_mailbox_text_max_bytes];
	char previous[2 * log_message_hash_bytes + 1];
	struct buf b;

	if (sizeof(l->pending) - l->n < log_message_line_max_bytes &&
	    log_message_flush(l) == -1)
		forget_pending(l);
	b = buf_over(l->pending + l->n, log_message_line_max_bytes);
	smtp_mailbox_text(fact->from, from);
	sodium_bin2hex(previous, sizeof(previous), l->last, sizeof(l->last));
	add_time(&b);
	add_member(&b, "event", span_of("store"));
	add_member(&b, "id", span_of(fact->id));
	add_member(&b, "session", span_of(fact->session));
	add_member(&b, "client", span_of(fact->client));
	add_member(&b, "from", span_of(from));
	add_recipients(&b, fact->to);
	buf_add_str(&b, ",\"size\":");
	buf_add_u64(&b, fact->size, 1);
	add_member(&b, "previous", span_of(previous));
	buf_add_str(&b, "}\n");
	hash_line(l, span_from(b.p, b.n - 1));
	l->n += b.n;
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

int
log_message_flush(struct log_message *l)
{
	struct span s = span_from(l->pending, l->n);

	while (s.n > 0) {
		ssize_t n = write(l->fd, s.p, s.n);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			take_back(l, l->n - s.n);
			return -1;
		}
		s = span_skip(s, (size_t)n);
	}
	l->n = 0;
	memcpy(l->written, l->last, sizeof(l->written));
	return 0;
}
