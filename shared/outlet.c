/* Lines that are written without waiting for their reader. */
#include "shared/outlet.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/os/os.h"

enum {
	/*
	 * What poll(2) calls writable takes PIPE_BUF octets if it is a pipe;
	 * a terminal of Linux 256, or 128 where LF becomes two octets.
	 */
	shared_chunk_bytes = 128,
	retry_ms = 10
};

static size_t
line_bytes(struct span s)
{
	const uint8_t *lf = memchr(s.p, '\n', s.n);

	return lf == NULL ? s.n : (size_t)(lf - s.p) + 1;
}

static void
lose(struct outlet *o, struct span lines)
{
	for (; lines.n > 0; lines = span_skip(lines, line_bytes(lines))) {
		o->lost++;
		o->lost_ever++;
	}
}

static void
take_away(struct outlet *o, size_t n)
{
	o->n -= n;
	memmove(o->pending, o->pending + n, o->n);
}

void
outlet_written(struct outlet *o, size_t n, bool failed)
{
	if (n > o->handed)
		n = o->handed;
	if (n > 0)
		o->torn = o->pending[n - 1] != '\n';
	take_away(o, n);
	o->handed = failed ? 0 : o->handed - n;
}

void
outlet_open(struct outlet *o, int fd, bool own)
{
	struct stat st;

	if (o->own)
		close(o->fd);
	/* Lines that were handed on still go to the previous file. */
	if (o->torn && o->handed == 0) {
		size_t n = line_bytes(span_from(o->pending, o->n));

		lose(o, span_from(o->pending, n));
		take_away(o, n);
	}
	if (o->handed == 0)
		o->torn = false;
	o->fd = fd;
	o->own = own;
	if (fd == outlet_syslog)
		o->kind = OUTLET_SYSLOG;
	else if (fstat(fd, &st) == -1 || S_ISREG(st.st_mode))
		o->kind = OUTLET_FILE;
	else
		o->kind = S_ISSOCK(st.st_mode) ? OUTLET_SOCKET :
		    S_ISFIFO(st.st_mode) ? OUTLET_PIPE : OUTLET_SHARED;
}

void
outlet_add(struct outlet *o, struct span lines)
{
	if (o->lost > 0 || lines.n > o->max - o->n) {
		lose(o, lines);
		return;
	}
	memcpy(o->pending + o->n, lines.p, lines.n);
	o->n += lines.n;
}

static ssize_t
write_some(const struct outlet *o, struct span s)
{
	struct pollfd room = { o->fd, POLLOUT, 0 };
	const size_t most = o->kind == OUTLET_PIPE ? PIPE_BUF :
	    shared_chunk_bytes;
	size_t n = line_bytes(s);

	switch (o->kind) {
	case OUTLET_SYSLOG:
		return os_syslog_send(s.p, n - 1) == -1 ? -1 : (ssize_t)n;
	case OUTLET_SOCKET:
		return send(o->fd, s.p, s.n, MSG_DONTWAIT | MSG_NOSIGNAL);
	case OUTLET_SHARED:
	case OUTLET_PIPE:
		if (poll(&room, 1, 0) != 1) {
			errno = EAGAIN;
			return -1;
		}
		return write(o->fd, s.p, s.n < most ? s.n : most);
	case OUTLET_FILE:
		break;
	}
	return write(o->fd, s.p, s.n);
}

bool
outlet_flush(struct outlet *o, int wait_ms)
{
	struct span s = span_from(o->pending, o->n);
	int error = 0;

	if (o->hand != NULL) {
		o->handed += o->hand(span_skip(s, o->handed));
		errno = EAGAIN;
		return o->handed == o->n;
	}
	while (s.n > 0) {
		ssize_t n = write_some(o, s);

		if (n >= 0) {
			s = span_skip(s, (size_t)n);
			o->torn = s.n > 0 && s.p[-1] != '\n';
			continue;
		}
		error = errno;
		if (error == EINTR)
			continue;
		if (error != EAGAIN || wait_ms <= 0)
			break;
		poll(NULL, 0, retry_ms);
		wait_ms -= retry_ms;
	}
	take_away(o, o->n - s.n);
	errno = error;
	return o->n == 0;
}

uint64_t
outlet_take_lost(struct outlet *o)
{
	uint64_t lost = o->n == 0 ? o->lost : 0;

	o->lost -= lost;
	return lost;
}
