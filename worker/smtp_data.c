/*
 * DATA (RFC 5321 4.1.1.4).  Octets flow through the dot machine and the
 * header filter into the spool file, in place, and nothing is kept: a
 * worker's memory does not grow with the message.
 *
 * Refused content is still read to its real end, and gets one reply: its rest
 * must never be read as commands.
 */
#include "worker/smtp_data.h"

#include <errno.h>
#include <unistd.h>

#include "shared/deadline.h"
#include "shared/file.h"
#include "worker/ask.h"
#include "worker/dot.h"
#include "worker/smtp_submit.h"
#include "worker/transcript.h"

/*
 * After a bare CR or LF the end may never come, for the sender may think that
 * it has sent the end: wait this long for more, then reply.
 */
enum { bare_idle_ms = 5000 };

struct intake {
	int		fd;		/* of the spool file; -1: none */
	enum verdict	verdict;	/* why the master made no file */
	struct dot	dot;
	struct header	header;
	uint64_t	taken;		/* octets off the wire */
	uint64_t	written;	/* octets into the file */
	int		write_errno;
};

static bool
is_bare(const struct intake *in)
{
	return in->dot.bare_cr || in->dot.bare_lf;
}

/* RFC 1870 section 3: with CRLF, without the stuffing and the final dot. */
static uint64_t
message_size(const struct intake *in)
{
	uint64_t size = in->taken - in->dot.stuffed;

	return in->dot.state == DOT_END ? size - 3 : size;
}

static bool
is_refused(const struct smtp_session *s, const struct intake *in)
{
	return in->fd == -1 || is_bare(in) || in->dot.nul ||
	    in->write_errno != 0 ||
	    message_size(in) > s->settings->message_size_bytes + 3 ||
	    in->header.received > s->settings->received;
}

static void
store(struct intake *in, struct span s)
{
	size_t n = file_write(in->fd, s);

	in->written += n;
	if (n < s.n)
		in->write_errno = errno;
}

/* Stores the fields that a submitted message lacks, at its header's end. */
static void
store_missing(const struct smtp_session *s, struct intake *in)
{
	uint8_t storage[smtp_submit_fields_max_bytes];
	struct buf fields = buf_over(storage, sizeof(storage));

	smtp_submit_add_fields(s, &fields);
	store(in, buf_span(&fields));
}

static void
store_text(const struct smtp_session *s, struct intake *in, struct span text)
{
	size_t at = in->header.body_at;

	if (!s->submission || at == SIZE_MAX) {
		store(in, text);
		return;
	}
	store(in, span_from(text.p, at));
	store_missing(s, in);
	store(in, span_skip(text, at));
}

static void
store_last(const struct smtp_session *s, struct intake *in)
{
	store(in, header_finish(&in->header));
	if (s->submission && !in->header.ended)
		store_missing(s, in);
}

/*
 * The master makes the file while the client reads 354 and begins to send, so
 * the file is usually ready by now.
 */
static void
take_file(struct smtp_session *s, struct intake *in)
{
	if (s->master->file_due)
		in->verdict = ask_file(s->master, &in->fd);
}

/* Takes the next octets; LINE_OK until reading fails. */
static enum line_result
take_some(struct smtp_session *s, struct intake *in)
{
	enum line_result r;
	size_t n, taken, text_n;
	struct span keep;
	uint8_t *p;

	r = lineio_read_some(s->io, &p, &n);
	take_file(s, in);
	if (r != LINE_OK)
		return r;
	taken = dot_feed(&in->dot, span_from(p, n), p, &text_n);
	lineio_unread(s->io, n - taken);
	in->taken += taken;
	if (message_size(in) <= s->settings->message_size_bytes)
		s->message_octets += taken;
	keep = header_feed(&in->header, p, text_n);
	if (!is_refused(s, in))
		store_text(s, in, keep);
	if (in->dot.state == DOT_END && !is_refused(s, in))
		store_last(s, in);
	smtp_extend(s);
	if (is_bare(in))
		s->io->idle_ms = bare_idle_ms;
	return LINE_OK;
}

/* Without a file the master has nothing to drop. */
static void
drop_file(struct smtp_session *s, const struct intake *in)
{
	if (in->fd != -1)
		tell_abort(s->master, in->write_errno);
}

static struct outcome
refuse(struct smtp_session *s, const struct intake *in, enum note note,
    enum smtp_reply reply)
{
	drop_file(s, in);
	tell_note(s->master, note);
	return smtp_go_on(reply);
}

static struct outcome
refuse_bare(struct smtp_session *s, const struct intake *in)
{
	struct outcome o = refuse(s, in, NOTE_BARE_MESSAGE, REPLY_BARE);

	s->end.end = END_REFUSED;
	o.next = SMTP_CLOSE;
	return o;
}

static struct outcome
refuse_write(struct smtp_session *s, const struct intake *in)
{
	return refuse(s, in, NOTE_WRITE_FAILED, in->write_errno == ENOSPC ||
	    in->write_errno == EDQUOT ? REPLY_DISK_FULL : REPLY_TROUBLE);
}

static enum smtp_reply
reply_of_refusal(enum verdict verdict)
{
	return verdict == VERDICT_DISK_FULL ? REPLY_DISK_FULL : REPLY_TROUBLE;
}

static struct outcome
commit(struct smtp_session *s, struct intake *in)
{
	enum verdict verdict;

	if (fdatasync(in->fd) == -1) {
		in->write_errno = errno;
		return refuse_write(s, in);
	}
	verdict = ask_commit(s->master, in->written, &s->stored);
	smtp_note_room(s, verdict == VERDICT_OK && s->stored.room);
	if (verdict == VERDICT_OK)
		return smtp_go_on(REPLY_STORED);
	return smtp_go_on(reply_of_refusal(verdict));
}

/* The master has already logged an author that is not the user. */
static struct outcome
refuse_author(struct smtp_session *s, const struct intake *in,
    enum smtp_reply reply)
{
	if (reply >= REPLY_NO_FROM && reply <= REPLY_BAD_HEADER)
		return refuse(s, in, (enum note)(NOTE_NO_FROM + (int)reply -
		    REPLY_NO_FROM), reply);
	drop_file(s, in);
	return smtp_go_on(reply);
}

/* The message has ended: which reply does it get? */
static struct outcome
judge(struct smtp_session *s, struct intake *in)
{
	enum smtp_reply author;

	if (is_bare(in))
		return refuse_bare(s, in);
	if (in->dot.nul)
		return refuse(s, in, NOTE_NUL_MESSAGE, REPLY_NUL);
	if (message_size(in) > s->settings->message_size_bytes)
		return refuse(s, in, NOTE_TOO_BIG, REPLY_TOO_BIG);
	if (in->header.received > s->settings->received)
		return refuse(s, in, NOTE_LOOP, REPLY_LOOP);
	if (in->verdict != VERDICT_OK)
		return smtp_go_on(reply_of_refusal(in->verdict));
	if (in->write_errno != 0)
		return refuse_write(s, in);
	author = s->submission ? smtp_submit_judge(s) : REPLY_OK;
	if (author != REPLY_OK)
		return refuse_author(s, in, author);
	return commit(s, in);
}

static enum line_result
go_ahead(struct smtp_session *s)
{
	uint8_t storage[smtp_reply_max_bytes];
	struct buf out = buf_over(storage, sizeof(storage));

	smtp_reply_write(REPLY_DATA, span_of(""), span_of(""), &out);
	transcript_say(IPC_TRACE_SERVER, buf_span(&out));
	return lineio_put(s->io, buf_span(&out));
}

/* The transcript has no message, only that one came and its size. */
static void
remark(const struct intake *in, enum line_result r)
{
	char text[80];
	struct buf b = buf_over(text, sizeof(text));

	buf_add_str(&b, r == LINE_OK ? "a message of " :
	    "a message that did not end, so far ");
	buf_add_u64(&b, message_size(in), 1);
	buf_add_str(&b, " octets, left out");
	if (!b.cut)
		transcript_remark(buf_str(&b));
}

static struct outcome
receive(struct smtp_session *s, struct intake *in)
{
	enum line_result r = go_ahead(s);

	while (r == LINE_OK && in->dot.state != DOT_END)
		r = take_some(s, in);
	take_file(s, in);
	smtp_extend(s);
	remark(in, r);
	if (r == LINE_OK)
		return judge(s, in);
	if (r == LINE_TIMEOUT && is_bare(in))
		return refuse_bare(s, in);
	if (r != LINE_GONE)
		drop_file(s, in);
	return smtp_read_failed(s, r);
}

struct outcome
smtp_data_receive(struct smtp_session *s)
{
	struct intake in = { .fd = -1 };
	struct outcome o;

	in.header.originators = smtp_submit_begin(s);
	tell_begin(s->master);
	o = receive(s, &in);
	if (in.fd != -1)
		close(in.fd);
	return o;
}
