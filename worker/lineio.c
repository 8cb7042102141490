/* The line reader.  One fixed buffer each way; nothing grows. */
#include "worker/lineio.h"

#include <errno.h>
#include <string.h>

#include "shared/deadline.h"

/* Of one read of lines: an idle session touches one page of the buffer. */
enum { line_read_bytes = 2048 };

void
lineio_init(struct lineio *io, const struct lineio_ops *ops, void *arg)
{
	io->ops = ops;
	io->arg = arg;
	io->start = io->end = header_carry_max_bytes;
	io->out = buf_over(io->out_storage, sizeof(io->out_storage));
}

static enum line_result
result_of_errno(void)
{
	return errno == ETIMEDOUT ? LINE_TIMEOUT : errno == ECANCELED ?
	    LINE_GONE : errno == ECONNRESET || errno == EPIPE ? LINE_EOF :
	    LINE_ERROR;
}

/* The nearer of "idle from now" and the end of the session. */
static int64_t
wait_until(const struct lineio *io)
{
	int64_t idle = deadline_now_ms() + io->idle_ms;

	return idle < io->deadline_ms ? idle : io->deadline_ms;
}

enum line_result
lineio_flush(struct lineio *io)
{
	size_t done = 0;

	while (done < io->out.n) {
		ssize_t n = io->ops->write(io->arg, io->out.p + done,
		    io->out.n - done, wait_until(io));

		if (n < 0) {
			io->out.n = 0;
			return result_of_errno();
		}
		done += (size_t)n;
	}
	io->octets_out += done;
	io->out.n = 0;
	return LINE_OK;
}

enum line_result
lineio_put(struct lineio *io, struct span s)
{
	while (s.n > io->out.max - io->out.n) {
		enum line_result r = lineio_flush(io);
		size_t n = s.n < io->out.max ? s.n : io->out.max;

		if (r != LINE_OK)
			return r;
		buf_add(&io->out, span_from(s.p, n));
		s = span_skip(s, n);
	}
	buf_add(&io->out, s);
	return LINE_OK;
}

static enum line_result
fill(struct lineio *io, size_t n)
{
	enum line_result r = lineio_flush(io);
	ssize_t got;

	if (r != LINE_OK)
		return r;
	memmove(io->in + header_carry_max_bytes, io->in + io->start,
	    io->end - io->start);
	io->end -= io->start - header_carry_max_bytes;
	io->start = header_carry_max_bytes;
	if (n > sizeof(io->in) - io->end)
		n = sizeof(io->in) - io->end;
	got = io->ops->read(io->arg, io->in + io->end, n, wait_until(io));
	if (got < 0)
		return result_of_errno();
	if (got == 0)
		return LINE_EOF;
	io->end += (size_t)got;
	io->octets_in += (uint64_t)got;
	return LINE_OK;
}

enum line_result
lineio_read_line(struct lineio *io, size_t max, struct span *out)
{
	bool nul = false, too_long = false;
	uint8_t c, before = 0;
	enum line_result r;
	size_t n = 0;		/* octets of the line so far */

	for (;; before = c) {
		while (io->start + n == io->end) {
			/*
			 * Drop all but the last octet, which may be the CR of
			 * the CRLF: the rest must not be run as a command.
			 */
			if (n > max) {
				too_long = true;
				io->start += n - 1;
				n = 1;
			}
			r = fill(io, line_read_bytes);
			if (r != LINE_OK) {
				*out = span_from(io->in + io->start, n);
				return r;
			}
		}
		c = io->in[io->start + n++];
		nul = nul || c == '\0';
		if (c == '\n' || before == '\r')
			break;
	}
	r = c != '\n' ? LINE_BARE_CR : before != '\r' ? LINE_BARE_LF :
	    too_long || n > max ? LINE_TOO_LONG : nul ? LINE_NUL : LINE_OK;
	*out = span_from(io->in + io->start, n - (n > 1 ? 2 : 1));
	io->start += n;
	return r;
}

enum line_result
lineio_read_some(struct lineio *io, uint8_t **out, size_t *out_n)
{
	if (io->start == io->end) {
		enum line_result r = fill(io, lineio_in_max_bytes);

		if (r != LINE_OK)
			return r;
	}
	*out = io->in + io->start;
	*out_n = io->end - io->start;
	io->start = io->end;
	return LINE_OK;
}

void
lineio_unread(struct lineio *io, size_t n)
{
	io->start -= n;
}

size_t
lineio_buffered(const struct lineio *io)
{
	return io->end - io->start;
}

void
lineio_wipe(struct lineio *io)
{
	explicit_bzero(io->in, io->start);
	explicit_bzero(io->in + io->end, sizeof(io->in) - io->end);
}
