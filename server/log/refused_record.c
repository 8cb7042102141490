/*
 * The lines of a kept session.  Pure.
 */
#include "server/log/refused_record.h"

#include <string.h>

void
refused_head_write(const struct refused_head *h, struct buf *out)
{
	json_add_member(out, "{\"session\":", h->session);
	json_add_member(out, ",\"client\":", h->client);
	json_add_number(out, ",\"port\":", h->port);
	json_add_member(out, ",\"began\":", h->began);
	json_add_number(out, ",\"ms\":", h->ms);
	json_add_member(out, ",\"why\":", h->why);
	json_add_number(out, ",\"commands\":", h->commands);
	json_add_number(out, ",\"errors\":", h->errors);
	json_add_number(out, ",\"stored\":", h->stored);
	buf_add_str(out, "}\n");
}

bool
refused_head_read(struct span line, struct refused_head *out)
{
	struct json j = { line, false };

	out->session = json_take_member(&j, "{\"session\":");
	out->client = json_take_member(&j, ",\"client\":");
	out->port = json_take_number(&j, ",\"port\":");
	out->began = json_take_member(&j, ",\"began\":");
	out->ms = json_take_number(&j, ",\"ms\":");
	out->why = json_take_member(&j, ",\"why\":");
	out->commands = json_take_number(&j, ",\"commands\":");
	out->errors = json_take_number(&j, ",\"errors\":");
	out->stored = json_take_number(&j, ",\"stored\":");
	return json_took_end(&j);
}

void
refused_rcpts_write(struct span list, uint64_t count, struct buf *out)
{
	json_add_number(out, "{\"refused\":", count);
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

	*count = json_take_number(&j, "{\"refused\":");
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
	json_add_number(out, "{\"ms\":", s->ms);
	json_add_member(out, ",\"who\":", s->who);
	json_add_member(out, ",\"text\":", s->text);
	buf_add_str(out, "}\n");
}

bool
refused_said_read(struct span line, struct refused_said *out)
{
	struct json j = { line, false };

	out->ms = json_take_number(&j, "{\"ms\":");
	out->who = json_take_member(&j, ",\"who\":");
	out->text = json_take_member(&j, ",\"text\":");
	return json_took_end(&j);
}
