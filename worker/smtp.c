/*
 * Replies that come from no command, and how long a session may last.
 */
#include "worker/smtp.h"

#include "shared/deadline.h"
#include "worker/tls_context.h"
#include "worker/transcript.h"

enum {
	slowest_octets_per_s = 500,
	room_ms = 1000		/* how long free disk space stays known */
};

bool
smtp_is_catcher(const struct smtp_session *s)
{
	return s->start.auth == IPC_AUTH_ALWAYS;
}

void
smtp_note_room(struct smtp_session *s, bool room)
{
	s->room_until_ms = room ? deadline_now_ms() + room_ms : 0;
}

void
smtp_extend(struct smtp_session *s)
{
	s->io->idle_ms = s->master->idle_ms;
	s->io->deadline_ms = s->start_ms +
	    (int64_t)s->settings->session_time_s * 1000 +
	    (int64_t)(s->message_octets / slowest_octets_per_s) * 1000;
}

enum line_result
smtp_write(struct smtp_session *s, enum smtp_reply reply)
{
	uint8_t storage[2 * smtp_reply_max_bytes];
	struct buf out = buf_over(storage, sizeof(storage));
	struct span host = span_from(s->settings->hostname,
	    s->settings->hostname_len);

	if (reply == REPLY_EHLO)
		smtp_reply_write_ehlo(host, s->settings->message_size_bytes,
		    s->settings->recipients, !s->tls && tls_context() != NULL &&
		    (s->start.lacks & IPC_LACKS_TLS) == 0,
		    !smtp_auth_is_offered(s) ? NULL : smtp_is_catcher(s) ?
		    "PLAIN LOGIN CRAM-MD5" : "PLAIN LOGIN", &out);
	else
		smtp_reply_write(reply, host, span_of(s->stored.id), &out);
	transcript_reply(buf_span(&out));
	return lineio_put(s->io, buf_span(&out));
}

enum smtp_reply
smtp_read_failed(struct smtp_session *s, enum line_result r)
{
	static const struct {
		const char	*remark;
		enum smtp_reply	 reply;
	} rows[] = {
		[LINE_TOO_LONG] = { "a line that was too long",
		    REPLY_LINE_LONG },
		[LINE_NUL] = { "a line with a NUL in it", REPLY_LINE_NUL },
		[LINE_BARE_LF] = { "a line that ended with a bare LF",
		    REPLY_LINE_BARE },
		[LINE_BARE_CR] = { "a line with a bare CR in it",
		    REPLY_LINE_BARE },
		[LINE_EOF] = { "the client closed the connection",
		    REPLY_NONE },
		[LINE_TIMEOUT] = { "the client was silent for too long",
		    REPLY_IDLE },
		[LINE_GONE] = { "the master process ended",
		    REPLY_TROUBLE_CLOSE },
		[LINE_ERROR] = { "the connection was lost", REPLY_NONE }
	};

	transcript_remark(TRANSCRIPT_KEPT, rows[r].remark);
	if (r == LINE_TIMEOUT) {
		if (deadline_left_ms(s->io->deadline_ms) == 0)
			return REPLY_SESSION_LONG;
		if (s->master->stress == STRESS_EVICT)
			return REPLY_ROOM;
		if (s->master->stress == STRESS_END)
			return REPLY_STOPPING;
	}
	if (rows[r].reply == REPLY_NONE)
		s->end.end = r == LINE_EOF ? END_EOF : END_FAILED;
	return rows[r].reply;
}
