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

/* Finds the last whole line in the last octets of the file. */
static int
read_last_line(struct log_message *l, int bad, bool *torn)
{
	static char tail[2 * log_message_line_max_bytes];
	struct stat st;
	off_t from;
	ssize_t n;
	size_t end, start;

	if (fstat(l->fd, &st) == -1)
		return -1;
	from = st.st_size > (off_t)sizeof(tail) ?
	    st.st_size - (off_t)sizeof(tail) : 0;
	n = pread(l->fd, tail, sizeof(tail), from);
	if (n == -1)
		return -1;
	for (end = (size_t)n; end > 0 && tail[end - 1] != '\n'; end--)
		continue;
	if (end != (size_t)n) {
		*torn = true;
		if (put_tail_aside(l->fd, bad, from + (off_t)end) == -1)
			return -1;
	}
	if (end == 0)
		return 0;
	for (start = end - 1; start > 0 && tail[start - 1] != '\n'; start--)
		continue;
	hash_line(l, span_from(tail + start, end - 1 - start));
	return 0;
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
