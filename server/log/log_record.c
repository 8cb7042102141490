/*
 * The form of a line of the message log: its members stand in one order, all
 * of them are there, and there is nothing between them.  Pure.
 */
#include "server/log/log_record.h"

#include <string.h>

/* The next of a list: what stands before the next comma was taken. */
static bool
begin_next(struct json *j, const struct span *rest)
{
	*j = (struct json){ *rest, false };
	return rest->n > 0;
}

static bool
end_next(struct json *j, struct span *rest)
{
	if (!j->bad && j->rest.n > 0)
		json_take(j, ",");
	/* A comma with nothing behind it is one too many. */
	if (j->bad || (j->rest.n == 0 && rest->p[rest->n - 1] == ','))
		return false;
	*rest = j->rest;
	return true;
}

bool
log_record_next_to(struct span *rest, struct span *out)
{
	struct json j;

	if (!begin_next(&j, rest))
		return false;
	*out = json_take_string(&j);
	return end_next(&j, rest);
}

static void
take_step(struct json *j, struct log_step *out)
{
	out->kind = json_take_member(j, "[");
	out->path = json_take_member(j, ",");
	out->line = json_take_number(j, ",");
	out->name = json_take_member(j, ",");
	json_take(j, "]");
}

bool
log_record_next_step(struct span *rest, struct log_step *out)
{
	struct json j;

	if (!begin_next(&j, rest))
		return false;
	take_step(&j, out);
	return end_next(&j, rest);
}

/* What stands between j and where it stood at start. */
static struct span
since(const struct json *j, const uint8_t *start)
{
	return j->bad ? span_from("", 0) :
	    span_from(start, (size_t)(j->rest.p - start));
}

static struct span
take_steps(struct json *j)
{
	const uint8_t *start = j->rest.p;
	struct log_step step;

	if (j->rest.n > 0 && j->rest.p[0] == '[')
		do
			take_step(j, &step);
		while (json_took(j, ","));
	return since(j, start);
}

static void
take_rcpt(struct json *j, struct log_rcpt *out)
{
	out->to = json_take_member(j, "{\"to\":");
	out->verdict = json_take_member(j, ",\"verdict\":");
	json_take(j, ",\"steps\":[");
	out->steps = take_steps(j);
	out->more = json_take_number(j, "],\"more\":");
	json_take(j, "}");
}

bool
log_record_next_rcpt(struct span *rest, struct log_rcpt *out)
{
	struct json j;

	if (!begin_next(&j, rest))
		return false;
	take_rcpt(&j, out);
	return end_next(&j, rest);
}

static struct span
take_rcpts(struct json *j)
{
	const uint8_t *start = j->rest.p;
	struct log_rcpt rcpt;

	if (j->rest.n > 0 && j->rest.p[0] == '{')
		do
			take_rcpt(j, &rcpt);
		while (json_took(j, ","));
	return since(j, start);
}

static struct span
take_tos(struct json *j)
{
	const uint8_t *start = j->rest.p;

	if (j->rest.n > 0 && j->rest.p[0] == '"')
		do
			json_take_string(j);
		while (json_took(j, ","));
	return since(j, start);
}

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
		if (s.p[i] == '\0' || strchr("0123456789abcdef",
		    s.p[i]) == NULL)
			return false;
	return s.n == (size_t)log_hash_bytes * 2;
}

static void
take_store(struct json *j, struct log_record *r)
{
	r->id = json_take_member(j, ",\"id\":");
	r->session = json_take_member(j, ",\"session\":");
	r->client = json_take_member(j, ",\"client\":");
	r->port = json_take_number(j, ",\"port\":");
	r->helo = json_take_member(j, ",\"helo\":");
	r->protocol = json_take_member(j, ",\"protocol\":");
	if (json_took(j, ",\"user\":")) {
		r->user = json_take_string(j);
		j->bad |= r->user.n == 0;
	}
	r->from = json_take_member(j, ",\"from\":");
	r->size = json_take_number(j, ",\"size\":");
	r->file = json_take_member(j, ",\"file\":");
	r->mailboxes = json_take_number(j, ",\"mailboxes\":");
	json_take(j, ",\"to\":[");
	r->to = take_tos(j);
	json_take(j, "]");
	r->recipients = json_take_number(j, ",\"recipients\":");
	json_take(j, ",\"rcpt\":[");
	r->rcpt = take_rcpts(j);
	json_take(j, "]");
}

bool
log_record_read(struct span line, struct log_record *out)
{
	struct json j = { line, false };

	memset(out, 0, sizeof(*out));
	out->time = json_take_member(&j, "{\"time\":");
	out->n = json_take_number(&j, ",\"n\":");
	if (json_took(&j, ",\"event\":\"open\"")) {
		out->event = LOG_EVENT_OPEN;
		out->after = json_take_member(&j, ",\"after\":");
	} else {
		json_take(&j, ",\"event\":\"store\"");
		out->event = LOG_EVENT_STORE;
		take_store(&j, out);
	}
	out->previous = json_take_member(&j, ",\"previous\":");
	return json_took_end(&j) && out->n > 0 &&
	    log_record_is_time(out->time) && log_record_is_hash(out->previous);
}

static void
add_store(const struct log_record *r, struct buf *out)
{
	json_add_member(out, ",\"id\":", r->id);
	json_add_member(out, ",\"session\":", r->session);
	json_add_member(out, ",\"client\":", r->client);
	json_add_number(out, ",\"port\":", r->port);
	json_add_member(out, ",\"helo\":", r->helo);
	json_add_member(out, ",\"protocol\":", r->protocol);
	if (r->user.n > 0)
		json_add_member(out, ",\"user\":", r->user);
	json_add_member(out, ",\"from\":", r->from);
	json_add_number(out, ",\"size\":", r->size);
	json_add_member(out, ",\"file\":", r->file);
	json_add_number(out, ",\"mailboxes\":", r->mailboxes);
	buf_add_str(out, ",\"to\":[");
	buf_add(out, r->to);
	json_add_number(out, "],\"recipients\":", r->recipients);
	buf_add_str(out, ",\"rcpt\":[");
	buf_add(out, r->rcpt);
	buf_add_str(out, "]");
}

void
log_record_write_body(const struct log_record *r, struct buf *out)
{
	if (r->event == LOG_EVENT_OPEN) {
		buf_add_str(out, ",\"event\":\"open\"");
		json_add_member(out, ",\"after\":", r->after);
	} else {
		buf_add_str(out, ",\"event\":\"store\"");
		add_store(r, out);
	}
}

void
log_record_write(const struct log_record *r, struct span body,
    struct buf *out)
{
	json_add_member(out, "{\"time\":", r->time);
	json_add_number(out, ",\"n\":", r->n);
	buf_add(out, body);
	json_add_member(out, ",\"previous\":", r->previous);
	buf_add_str(out, "}\n");
}

static void
add_comma(struct buf *list)
{
	if (list->n > 0)
		buf_add_str(list, ",");
}

void
log_record_add_to(struct buf *list, struct span to)
{
	add_comma(list);
	json_add_member(list, "", to);
}

void
log_record_add_step(struct buf *list, const struct log_step *step)
{
	add_comma(list);
	json_add_member(list, "[", step->kind);
	json_add_member(list, ",", step->path);
	json_add_number(list, ",", step->line);
	json_add_member(list, ",", step->name);
	buf_add_str(list, "]");
}

void
log_record_add_rcpt(struct buf *list, const struct log_rcpt *rcpt)
{
	add_comma(list);
	json_add_member(list, "{\"to\":", rcpt->to);
	json_add_member(list, ",\"verdict\":", rcpt->verdict);
	buf_add_str(list, ",\"steps\":[");
	buf_add(list, rcpt->steps);
	json_add_number(list, "],\"more\":", rcpt->more);
	buf_add_str(list, "}");
}
