/*
 * DATA (RFC 5321 4.1.1.4), from the 354 to the reply to the final dot.  Octets
 * flow through the dot machine and the header filter into the spool files, in
 * place: a worker's memory does not grow with the message.  Refused content is
 * read to its real end, for its rest must never be read as commands.
 *
 * A submitted message (RFC 6409) gets the Date and Message-ID it lacks.  One
 * user must not be able to write as another: the master is asked about each
 * address of From and Sender, and a header in which two readers could see two
 * authors is refused.
 */
#include "worker/smtp.h"

#include <errno.h>
#include <sodium.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shared/file.h"
#include "shared/trace_field.h"

enum {
	/* After a bare CR or LF the end may never come. */
	bare_idle_ms = 5000,
	random_bytes = 16,
	/* Date, and Message-ID with our host name */
	fields_max_bytes = smtp_domain_max_bytes + 128
};

struct intake {
	int		fds[2];		/* of spool files; -1: none */
	enum smtp_reply	no_file;	/* REPLY_STORED, or why there is none */
	struct dot	dot;
	uint64_t	text;		/* octets of it, LF for CRLF */
	uint64_t	written;	/* octets into each file */
	int		write_errno;
	struct header	header;		/* last: its text is not cleared */
};

/* RFC 1870 section 3: with CRLF, without the stuffing and the final dot. */
static uint64_t
message_size(const struct intake *in)
{
	return in->text + in->dot.lines;
}

/* Why the message, as far as it has come, is refused; or REPLY_STORED. */
static enum smtp_reply
refusal(const struct smtp_session *s, const struct intake *in)
{
	if (in->dot.bare)
		return REPLY_BARE;
	if (in->dot.nul)
		return REPLY_NUL;
	if (message_size(in) > s->settings->message_size_bytes)
		return REPLY_TOO_BIG;
	if (in->header.received > s->settings->received)
		return REPLY_LOOP;
	if (in->write_errno == ENOSPC || in->write_errno == EDQUOT)
		return REPLY_DISK_FULL;
	return in->write_errno != 0 ? REPLY_TROUBLE : in->no_file;
}

static void
store(struct intake *in, struct span s)
{
	for (size_t i = 0; i < 2 && in->fds[i] != -1; i++)
		if (file_write(in->fds[i], s) < s.n)
			in->write_errno = errno;
	in->written += s.n;
}

/* RFC 6409 8.1, 8.2.  The Message-ID reveals nothing but our host name. */
static void
store_missing(const struct smtp_session *s, struct intake *in)
{
	char storage[fields_max_bytes], digits[2 * random_bytes + 1];
	struct buf fields = buf_over(storage, sizeof(storage));
	uint8_t random[random_bytes];

	if (in->header.originators.date == 0) {
		buf_add_str(&fields, "Date: ");
		trace_field_date(time(NULL), &fields);
		buf_add_str(&fields, "\n");
		in->header.lines++;
	}
	/* Without random octets it is left out (RFC 5322 3.6.4). */
	if (in->header.originators.message_id == 0 &&
	    getentropy(random, sizeof(random)) == 0) {
		buf_print(&fields, "Message-ID: <%s@%s>\n", sodium_bin2hex(
		    digits, sizeof(digits), random, sizeof(random)),
		    s->settings->hostname);
		in->header.lines++;
	}
	store(in, buf_span(&fields));
}

static enum line_result
take_some(struct smtp_session *s, struct intake *in)
{
	enum line_result r;
	size_t n, taken, text_n;
	struct span keep;
	uint8_t *p;

	r = lineio_read_some(s->io, &p, &n);
	if (r != LINE_OK)
		return r;
	taken = dot_feed(&in->dot, span_from(p, n), p, &text_n);
	lineio_unread(s->io, n - taken);
	in->text += text_n;
	if (message_size(in) <= s->settings->message_size_bytes)
		s->message_octets += taken;
	keep = header_feed(&in->header, p, text_n);
	if (refusal(s, in) == REPLY_STORED) {
		if (s->submission && in->header.body_at != SIZE_MAX) {
			store(in, span_from(keep.p, in->header.body_at));
			store_missing(s, in);
			keep = span_skip(keep, in->header.body_at);
		}
		store(in, keep);
	}
	if (in->dot.state == DOT_END && refusal(s, in) == REPLY_STORED) {
		store(in, header_finish(&in->header));
		if (s->submission && !in->header.ended)
			store_missing(s, in);
	}
	smtp_extend(s);
	if (in->dot.bare)
		s->io->idle_ms = bare_idle_ms;
	return LINE_OK;
}

static enum smtp_reply
judge_field(struct smtp_session *s, struct span body, unsigned *asked)
{
	struct ipc_record r = { .type = IPC_ORIGINATOR };
	enum mailbox_list list;
	enum smtp_reply reply;

	while ((list = mailbox_list_next(&body, &r.u.rcpt.to)) ==
	    MAILBOX_LIST_NEXT) {
		if ((*asked)++ == ipc_authors_max)
			return REPLY_LONG_FROM;
		reply = ask_reply(s->master, &r);
		if (reply != REPLY_OK)
			return reply;
		r = (struct ipc_record){ .type = IPC_ORIGINATOR };
	}
	return list == MAILBOX_LIST_END ? REPLY_STORED : REPLY_BAD_FROM;
}

/* REPLY_STORED: all authors of the message are the user's own addresses. */
static enum smtp_reply
judge_authors(struct smtp_session *s, const struct originators *o)
{
	struct span rest = span_from(o->text, o->n);
	enum smtp_reply reply = REPLY_STORED;
	unsigned asked = 0;

	if (o->broken)
		return REPLY_BAD_HEADER;
	if (o->control)
		return REPLY_CONTROL_FROM;
	if (o->from == 0)
		return REPLY_NO_FROM;
	if (o->from > 1 || o->sender > 1)
		return REPLY_TWO_FROM;
	if (o->too_long)
		return REPLY_LONG_FROM;
	while (reply == REPLY_STORED && rest.n > 0)
		reply = judge_field(s, span_cut(&rest, '\n'), &asked);
	return reply;
}

/* The message has ended: REPLY_STORED, if it may be; or why not. */
static enum smtp_reply
judge(struct smtp_session *s, struct intake *in)
{
	enum smtp_reply reply = refusal(s, in);

	if (reply == REPLY_STORED && s->submission)
		reply = judge_authors(s, &in->header.originators);
	for (size_t i = 0; i < 2 && reply == REPLY_STORED; i++)
		if (in->fds[i] != -1 && fdatasync(in->fds[i]) == -1) {
			in->write_errno = errno;
			reply = refusal(s, in);
		}
	return reply;
}

static enum smtp_reply
commit(struct smtp_session *s, const struct intake *in)
{
	struct ipc_record r = { .type = IPC_COMMIT, .u.commit = {
	    .size = in->written,
	    .lines = in->dot.lines + (uint64_t)in->header.lines,
	    .flags = (uint8_t)(in->header.flags |
	    (in->dot.too_long ? CONTENT_LONG : 0)) } };
	enum smtp_reply reply = ask_reply(s->master, &r);

	memcpy(s->stored, r.u.verdict.id, sizeof(s->stored));
	return reply;
}

enum smtp_reply
smtp_data_receive(struct smtp_session *s, struct span arg)
{
	static struct intake in;
	enum line_result r = smtp_write(s, REPLY_DATA);
	enum smtp_reply reply;
	char storage[80];
	struct buf text = buf_over(storage, sizeof(storage));
	bool whole;

	memset(&in, 0, offsetof(struct intake, header.originators.text));
	in.fds[0] = in.fds[1] = -1;
	in.header.submitted = s->submission;
	s->state = SMTP_READY;
	if (r == LINE_OK)
		r = lineio_flush(s->io);
	/* The client reads 354 and begins to send meanwhile. */
	in.no_file = ask_files(s->master, in.fds);
	while (r == LINE_OK && in.dot.state != DOT_END)
		r = take_some(s, &in);
	smtp_extend(s);
	/* The transcript has no message, only that one came and its size. */
	buf_add_str(&text, r == LINE_OK ? "a message of " :
	    "a message that did not end, so far ");
	buf_add_decimal(&text, message_size(&in));
	buf_add_str(&text, " octets, left out");
	transcript_remark(IPC_TRACE_KEEP, buf_str(&text));
	whole = r == LINE_OK || (r == LINE_TIMEOUT && in.dot.bare);
	reply = whole ? judge(s, &in) : smtp_read_failed(s, r);
	/* Without a file the master has nothing to drop. */
	if (reply == REPLY_STORED)
		reply = commit(s, &in);
	else if (r != LINE_GONE && in.fds[0] != -1)
		TELL(s->master, RESET, .number.n = (uint32_t)in.write_errno);
	if (whole && in.write_errno != 0)
		TELL(s->master, NOTE, .number.n = NOTE_WRITE_FAILED);
	for (size_t i = 0; i < 2 && in.fds[i] != -1; i++)
		close(in.fds[i]);
	return reply;
}
