/*
 * The forms of the lines: all members, in one order, and nothing between them.
 * Pure.
 */
#include "server/log/log_record.h"

#include <string.h>

#define FIELD(kind, type, member, before)				\
	{ JSON_##kind, before, offsetof(struct type, member), NULL }
#define LIST(type, member, before, element)				\
	{ JSON_LIST, before, offsetof(struct type, member), element }
#define END(text)	{ JSON_END, text, 0, NULL }

#define OPEN		",\"event\":\"open\""

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
	FIELD(TEXT, log_record, id, ",\"event\":\"store\",\"id\":"),
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
}, open_body[] = {
	FIELD(TEXT, log_record, after, OPEN ",\"after\":"),
	END("")
}, tail[] = {
	FIELD(TEXT, log_record, previous, ",\"previous\":"),
	END("}")
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

static const struct json_field *
body_of(const struct log_record *r)
{
	return r->event == LOG_EVENT_OPEN ? open_body : store_body;
}

bool
log_record_read(struct span line, struct log_record *out)
{
	memset(out, 0, sizeof(*out));
	if (!json_take(&line, head, out))
		return false;
	out->event = span_begins_fold(line, span_of(OPEN)) ? LOG_EVENT_OPEN :
	    LOG_EVENT_STORE;
	return json_take(&line, body_of(out), out) &&
	    json_read(line, tail, out) && out->n > 0 &&
	    log_record_is_time(out->time) && log_record_is_hash(out->previous);
}

void
log_record_write_body(const struct log_record *r, struct buf *out)
{
	json_write(body_of(r), r, out);
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
