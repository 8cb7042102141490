/* The forms of the lines: all members, in one order.  Pure. */
#include "server/log/log_record.h"

#include <string.h>

#define FIELD(kind, type, member, before)				\
	{ JSON_##kind, before, offsetof(struct type, member), NULL }
#define LIST(type, member, before, element)				\
	{ JSON_LIST, before, offsetof(struct type, member), element }
#define END(text)	{ JSON_END, text, 0, NULL }

const struct json_field log_record_to[] = {
	{ JSON_TEXT, "", 0, NULL },
	END("")
};

const struct json_field log_record_step[] = {
	FIELD(TEXT, log_step, kind, "["),
	FIELD(TEXT, log_step, path, ","),
	FIELD(NUMBER, log_step, line, ","),
	FIELD(TEXT, log_step, name, ","),
	END("]")
};

const struct json_field log_record_rcpt[] = {
	FIELD(TEXT, log_rcpt, to, "{\"to\":"),
	FIELD(TEXT, log_rcpt, verdict, ",\"verdict\":"),
	LIST(log_rcpt, steps, ",\"steps\":[", log_record_step),
	FIELD(NUMBER, log_rcpt, more, "],\"more\":"),
	END("}")
};

static const struct json_field head[] = {
	FIELD(TEXT, log_record, time, "{\"time\":"),
	FIELD(NUMBER, log_record, n, ",\"n\":"),
	END("")
}, store_body[] = {
	FIELD(TEXT, log_record, id, ",\"id\":"),
	FIELD(TEXT, log_record, session, ",\"session\":"),
	FIELD(TEXT, log_record, client, ",\"client\":"),
	FIELD(NUMBER, log_record, port, ",\"port\":"),
	FIELD(TEXT, log_record, helo, ",\"helo\":"),
	FIELD(TEXT, log_record, protocol, ",\"protocol\":"),
	FIELD(TEXT_OR_NONE, log_record, user, ",\"user\":"),
	FIELD(TEXT, log_record, from, ",\"from\":"),
	FIELD(NUMBER, log_record, size, ",\"size\":"),
	FIELD(TEXT, log_record, file, ",\"file\":"),
	FIELD(NUMBER, log_record, mailboxes, ",\"mailboxes\":"),
	LIST(log_record, to, ",\"to\":[", log_record_to),
	FIELD(NUMBER, log_record, recipients, "],\"recipients\":"),
	LIST(log_record, rcpt, ",\"rcpt\":[", log_record_rcpt),
	END("]")
}, queue_more[] = {
	FIELD(NUMBER, log_record, remote, ",\"remote\":"),
	END("")
}, open_body[] = {
	FIELD(TEXT, log_record, after, ",\"after\":"),
	END("")
}, outcome_body[] = {
	FIELD(TEXT, log_record, id, ",\"id\":"),
	LIST(log_record, to, ",\"to\":[", log_record_to),
	FIELD(NUMBER, log_record, count, "],\"count\":"),
	FIELD(TEXT, log_record, host, ",\"host\":"),
	FIELD(TEXT, log_record, ip, ",\"ip\":"),
	FIELD(NUMBER, log_record, tcp_port, ",\"port\":"),
	FIELD(TEXT, log_record, tls, ",\"tls\":"),
	FIELD(TEXT, log_record, stage, ",\"stage\":"),
	FIELD(TEXT, log_record, end, ",\"end\":"),
	FIELD(NUMBER, log_record, code, ",\"code\":"),
	FIELD(TEXT, log_record, status, ",\"status\":"),
	FIELD(TEXT, log_record, text, ",\"text\":"),
	FIELD(NUMBER, log_record, delay_s, ",\"delay\":"),
	END("")
}, try_more[] = {
	FIELD(TEXT, log_record, next, ",\"next\":"),
	END("")
}, notice_body[] = {
	FIELD(TEXT, log_record, id, ",\"id\":"),
	FIELD(TEXT, log_record, kind, ",\"kind\":"),
	FIELD(TEXT, log_record, report, ",\"report\":"),
	FIELD(NUMBER, log_record, delay_s, ",\"delay\":"),
	END("")
}, by_body[] = {
	FIELD(TEXT, log_record, id, ",\"id\":"),
	FIELD(TEXT, log_record, by, ",\"by\":"),
	FIELD(TEXT, log_record, why, ",\"why\":"),
	END("")
}, nothing[] = {
	END("")
}, tail[] = {
	FIELD(TEXT, log_record, previous, ",\"previous\":"),
	END("}")
};

/* What stands behind the event: a form, then a second one. */
static const struct {
	struct json_field		 event;
	const struct json_field		*form, *more;
} bodies[LOG_EVENT_COUNT] = {
#define BODY(name, word, form, more)					\
	[LOG_EVENT_##name] = { END(",\"event\":\"" word "\""), form, more }
	BODY(STORE, "store", store_body, nothing),
	BODY(QUEUE, "queue", store_body, queue_more),
	BODY(OPEN, "open", open_body, nothing),
	BODY(TRY, "try", outcome_body, try_more),
	BODY(DONE, "done", outcome_body, nothing),
	BODY(FAILED, "failed", outcome_body, nothing),
	BODY(NOTICE, "notice", notice_body, nothing),
	BODY(HELD, "held", by_body, nothing),
	BODY(RELEASED, "released", by_body, nothing),
	BODY(REMOVED, "removed", by_body, nothing)
#undef BODY
};

const struct json_field log_refused_head[] = {
	FIELD(TEXT, log_refused, session, "{\"session\":"),
	FIELD(TEXT, log_refused, client, ",\"client\":"),
	FIELD(NUMBER, log_refused, port, ",\"port\":"),
	FIELD(TEXT, log_refused, began, ",\"began\":"),
	FIELD(NUMBER, log_refused, ms, ",\"ms\":"),
	FIELD(TEXT, log_refused, why, ",\"why\":"),
	FIELD(NUMBER, log_refused, commands, ",\"commands\":"),
	FIELD(NUMBER, log_refused, errors, ",\"errors\":"),
	FIELD(NUMBER, log_refused, stored, ",\"stored\":"),
	END("}")
};

const struct json_field log_refused_rcpts[] = {
	FIELD(NUMBER, log_refused_rcpts, count, "{\"refused\":"),
	LIST(log_refused_rcpts, list, ",\"rcpt\":[", log_record_rcpt),
	END("]}")
};

const struct json_field log_refused_said[] = {
	FIELD(NUMBER, log_said, ms, "{\"ms\":"),
	FIELD(TEXT, log_said, who, ",\"who\":"),
	FIELD(TEXT, log_said, text, ",\"text\":"),
	END("}")
};

bool
log_record_is_time(struct span s)
{
	static const char form[] = "0000-00-00T00:00:00Z";

	if (s.n != sizeof(form) - 1)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (form[i] == '0' ? s.p[i] < '0' || s.p[i] > '9' :
		    s.p[i] != (uint8_t)form[i])
			return false;
	return true;
}

bool
log_record_is_hash(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (memchr("0123456789abcdef", s.p[i], 16) == NULL)
			return false;
	return s.n == (size_t)log_hash_bytes * 2;
}

bool
log_record_read(struct span line, struct log_record *out)
{
	unsigned e = 0;

	memset(out, 0, sizeof(*out));
	if (!json_take(&line, head, out))
		return false;
	while (e < LOG_EVENT_COUNT && !json_take(&line, &bodies[e].event, NULL))
		e++;
	if (e == LOG_EVENT_COUNT)
		return false;
	out->event = (enum log_event)e;
	return json_take(&line, bodies[e].form, out) &&
	    json_take(&line, bodies[e].more, out) &&
	    json_read(line, tail, out) && out->n > 0 &&
	    log_record_is_time(out->time) && log_record_is_hash(out->previous);
}

void
log_record_write_body(const struct log_record *r, struct buf *out)
{
	json_write(&bodies[r->event].event, r, out);
	json_write(bodies[r->event].form, r, out);
	json_write(bodies[r->event].more, r, out);
}

void
log_record_write(const struct log_record *r, struct span body,
    struct buf *out)
{
	json_write(head, r, out);
	buf_add(out, body);
	json_write(tail, r, out);
	buf_add_str(out, "\n");
}
