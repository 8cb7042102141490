/*
 * The lines of a kept session.  Pure.
 */
#include "server/log/refused_record.h"

/* Each form reads or writes one line; only the writers add its LF. */
static void
form_head(struct json *j, struct refused_head *h)
{
	json_text(j, "{\"session\":", &h->session);
	json_text(j, ",\"client\":", &h->client);
	json_number(j, ",\"port\":", &h->port);
	json_text(j, ",\"began\":", &h->began);
	json_number(j, ",\"ms\":", &h->ms);
	json_text(j, ",\"why\":", &h->why);
	json_number(j, ",\"commands\":", &h->commands);
	json_number(j, ",\"errors\":", &h->errors);
	json_number(j, ",\"stored\":", &h->stored);
	json_literal(j, "}");
}

static void
form_rcpts(struct json *j, struct span *list, uint64_t *count)
{
	json_number(j, "{\"refused\":", count);
	json_literal(j, ",\"rcpt\":[");
	log_record_form_rcpts(j, list);
	json_literal(j, "]}");
}

static void
form_said(struct json *j, struct refused_said *s)
{
	json_number(j, "{\"ms\":", &s->ms);
	json_text(j, ",\"who\":", &s->who);
	json_text(j, ",\"text\":", &s->text);
	json_literal(j, "}");
}

void
refused_head_write(const struct refused_head *h, struct buf *out)
{
	struct json j = { .out = out };
	struct refused_head copy = *h;

	form_head(&j, &copy);
	json_literal(&j, "\n");
}

bool
refused_head_read(struct span line, struct refused_head *out)
{
	struct json j = { .rest = line };

	form_head(&j, out);
	return !j.bad && j.rest.n == 0;
}

void
refused_rcpts_write(struct span list, uint64_t count, struct buf *out)
{
	struct json j = { .out = out };

	form_rcpts(&j, &list, &count);
	json_literal(&j, "\n");
}

bool
refused_rcpts_read(struct span line, struct span *list, uint64_t *count)
{
	struct json j = { .rest = line };

	form_rcpts(&j, list, count);
	return !j.bad && j.rest.n == 0;
}

void
refused_said_write(const struct refused_said *s, struct buf *out)
{
	struct json j = { .out = out };
	struct refused_said copy = *s;

	form_said(&j, &copy);
	json_literal(&j, "\n");
}

bool
refused_said_read(struct span line, struct refused_said *out)
{
	struct json j = { .rest = line };

	form_said(&j, out);
	return !j.bad && j.rest.n == 0;
}
