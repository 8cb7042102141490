/*
 * The lines of a kept session.  Pure.
 */
#include "server/log/refused_record.h"

#include <string.h>

static void
add_text(struct buf *b, const char *key, struct span raw)
{
	buf_add_str(b, key);
	buf_add_str(b, "\"");
	buf_add(b, raw);
	buf_add_str(b, "\"");
}

static void
add_number(struct buf *b, const char *key, uint64_t value)
{
	buf_add_str(b, key);
	buf_add_u64(b, value, 1);
}

static struct span
take_text(struct json *j, const char *key)
{
	json_take(j, key);
	return json_take_string(j);
}

static uint64_t
take_number(struct json *j, const char *key)
{
	json_take(j, key);
	return json_take_u64(j);
}

static bool
is_over(struct json *j)
{
	json_take(j, "}");
	return !j->bad && j->rest.n == 0;
}

void
refused_head_write(const struct refused_head *h, struct buf *out)
{
	add_text(out, "{\"session\":", h->session);
	add_text(out, ",\"client\":", h->client);
	add_number(out, ",\"port\":", h->port);
	add_text(out, ",\"began\":", h->began);
	add_number(out, ",\"ms\":", h->ms);
	add_text(out, ",\"why\":", h->why);
	add_number(out, ",\"commands\":", h->commands);
	add_number(out, ",\"errors\":", h->errors);
	add_number(out, ",\"stored\":", h->stored);
	buf_add_str(out, "}\n");
}

bool
refused_head_read(struct span line, struct refused_head *out)
{
	struct json j = { line, false };

	out->session = take_text(&j, "{\"session\":");
	out->client = take_text(&j, ",\"client\":");
	out->port = take_number(&j, ",\"port\":");
	out->began = take_text(&j, ",\"began\":");
	out->ms = take_number(&j, ",\"ms\":");
	out->why = take_text(&j, ",\"why\":");
	out->commands = take_number(&j, ",\"commands\":");
	out->errors = take_number(&j, ",\"errors\":");
	out->stored = take_number(&j, ",\"stored\":");
	return is_over(&j);
}

void
refused_rcpts_write(struct span list, uint64_t count, struct buf *out)
{
	add_number(out, "{\"refused\":", count);
	buf_add_str(out, ",\"rcpt\":[");
	buf_add(out, list);
	buf_add_str(out, "]}\n");
}

bool
refused_rcpts_read(struct span line, struct span *list, uint64_t *count)
{
	static const char end[] = "]}";
	struct json j = { line, false };
	struct log_rcpt rcpt;
	struct log_step step;
	struct span rest;

	*count = take_number(&j, "{\"refused\":");
	json_take(&j, ",\"rcpt\":[");
	if (j.bad || j.rest.n < 2 ||
	    memcmp(j.rest.p + j.rest.n - 2, end, 2) != 0)
		return false;
	*list = rest = span_from(j.rest.p, j.rest.n - 2);
	while (log_record_next_rcpt(&rest, &rcpt))
		while (log_record_next_step(&rcpt.steps, &step))
			continue;
	return rest.n == 0;
}

void
refused_said_write(const struct refused_said *s, struct buf *out)
{
	add_number(out, "{\"ms\":", s->ms);
	add_text(out, ",\"who\":", s->who);
	add_text(out, ",\"text\":", s->text);
	buf_add_str(out, "}\n");
}

bool
refused_said_read(struct span line, struct refused_said *out)
{
	struct json j = { line, false };

	out->ms = take_number(&j, "{\"ms\":");
	out->who = take_text(&j, ",\"who\":");
	out->text = take_text(&j, ",\"text\":");
	return is_over(&j);
}
