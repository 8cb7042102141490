/*
 * Outcomes that many commands share, and how long a session may last.
 */
#include "worker/smtp.h"

#include "shared/deadline.h"

enum {
	slowest_octets_per_s = 500,
	room_ms = 1000		/* how long free disk space stays known */
};

bool
smtp_is_catcher(const struct smtp_session *s)
{
	return s->auth == IPC_AUTH_ALWAYS;
}

struct outcome
smtp_go_on(enum smtp_reply reply)
{
	return (struct outcome){ reply, SMTP_GO_ON };
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

static struct outcome
end_with(struct smtp_session *s, enum session_end end, enum smtp_reply reply,
    enum smtp_next next)
{
	s->end.end = end;
	return (struct outcome){ reply, next };
}

struct outcome
smtp_end(struct smtp_session *s, enum session_end end,
    enum smtp_reply reply)
{
	return end_with(s, end, reply, SMTP_CLOSE);
}

static struct outcome
error_with_note(struct smtp_session *s, enum note note, enum smtp_reply reply)
{
	tell_note(s->master, note);
	return smtp_go_on(reply);
}

/* How a session ends whose client was silent for too long. */
static const struct {
	enum session_end	end;
	enum smtp_reply		reply;
} idle_end[STRESS_COUNT] = {
	[STRESS_NONE] = { END_TIMEOUT, REPLY_IDLE },
	[STRESS_FULL] = { END_TIMEOUT, REPLY_IDLE },
	[STRESS_EVICT] = { END_ROOM, REPLY_ROOM },
	[STRESS_END] = { END_STOPPED, REPLY_STOPPING }
};

struct outcome
smtp_read_failed(struct smtp_session *s, enum line_result r)
{
	switch (r) {
	case LINE_OK:
	case LINE_EOF:
		return end_with(s, END_EOF, REPLY_BYE, SMTP_CLOSE_NOW);
	case LINE_TIMEOUT:
		if (deadline_left_ms(s->io->deadline_ms) == 0)
			return end_with(s, END_TOO_LONG, REPLY_SESSION_LONG,
			    SMTP_CLOSE);
		return end_with(s, idle_end[s->master->stress].end,
		    idle_end[s->master->stress].reply, SMTP_CLOSE);
	case LINE_GONE:
		return end_with(s, END_TROUBLE, REPLY_TROUBLE_CLOSE,
		    SMTP_CLOSE);
	case LINE_TOO_LONG:
		return error_with_note(s, NOTE_LINE_TOO_LONG, REPLY_LINE_LONG);
	case LINE_NUL:
		return error_with_note(s, NOTE_NUL, REPLY_LINE_NUL);
	case LINE_BARE_LF:
	case LINE_BARE_CR:
		tell_note(s->master, NOTE_BARE_COMMAND);
		return end_with(s, END_REFUSED, REPLY_LINE_BARE, SMTP_CLOSE);
	case LINE_ERROR:
		break;
	}
	return end_with(s, END_FAILED, REPLY_BYE, SMTP_CLOSE_NOW);
}
