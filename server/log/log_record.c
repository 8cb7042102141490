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
	json_take(j, "[");
	out->kind = json_take_string(j);
	json_take(j, ",");
	out->path = json_take_string(j);
	json_take(j, ",");
	out->line = json_take_u64(j);
	json_take(j, ",");
	out->name = json_take_string(j);
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
	json_take(j, "{\"to\":");
	out->to = json_take_string(j);
	json_take(j, ",\"verdict\":");
	out->verdict = json_take_string(j);
	json_take(j, ",\"steps\":[");
	out->steps = take_steps(j);
	json_take(j, "],\"more\":");
	out->more = json_take_u64(j);
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

static struct span
take_member(struct json *j, const char *key)
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

static void
take_store(struct json *j, struct log_record *r)
{
	r->id = take_member(j, ",\"id\":");
	r->session = take_member(j, ",\"session\":");
	r->client = take_member(j, ",\"client\":");
	r->port = take_number(j, ",\"port\":");
	r->helo = take_member(j, ",\"helo\":");
	r->protocol = take_member(j, ",\"protocol\":");
	if (json_took(j, ",\"user\":")) {
		r->user = json_take_string(j);
		j->bad |= r->user.n == 0;
	}
	r->from = take_member(j, ",\"from\":");
	r->size = take_number(j, ",\"size\":");
	r->file = take_member(j, ",\"file\":");
	r->mailboxes = take_number(j, ",\"mailboxes\":");
	json_take(j, ",\"to\":[");
	r->to = take_tos(j);
	json_take(j, "]");
	r->recipients = take_number(j, ",\"recipients\":");
	json_take(j, ",\"rcpt\":[");
	r->rcpt = take_rcpts(j);
	json_take(j, "]");
}

bool
log_record_read(struct span line, struct log_record *out)
{
	struct json j = { line, false };

	memset(out, 0, sizeof(*out));
	out->time = take_member(&j, "{\"time\":");
	out->n = take_number(&j, ",\"n\":");
	if (json_took(&j, ",\"event\":\"open\"")) {
		out->event = LOG_EVENT_OPEN;
		out->after = take_member(&j, ",\"after\":");
	} else {
		json_take(&j, ",\"event\":\"store\"");
		out->event = LOG_EVENT_STORE;
		take_store(&j, out);
	}
	out->previous = take_member(&j, ",\"previous\":");
	json_take(&j, "}");
	return !j.bad && j.rest.n == 0 && out->n > 0 &&
	    log_record_is_time(out->time) && log_record_is_hash(out->previous);
}

static void
add_member(struct buf *b, const char *key, struct span raw)
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

static void
add_store(const struct log_record *r, struct buf *out)
{
	add_member(out, ",\"id\":", r->id);
	add_member(out, ",\"session\":", r->session);
	add_member(out, ",\"client\":", r->client);
	add_number(out, ",\"port\":", r->port);
	add_member(out, ",\"helo\":", r->helo);
	add_member(out, ",\"protocol\":", r->protocol);
	if (r->user.n > 0)
		add_member(out, ",\"user\":", r->user);
	add_member(out, ",\"from\":", r->from);
	add_number(out, ",\"size\":", r->size);
	add_member(out, ",\"file\":", r->file);
	add_number(out, ",\"mailboxes\":", r->mailboxes);
	buf_add_str(out, ",\"to\":[");
	buf_add(out, r->to);
	add_number(out, "],\"recipients\":", r->recipients);
	buf_add_str(out, ",\"rcpt\":[");
	buf_add(out, r->rcpt);
	buf_add_str(out, "]");
}

void
log_record_write_body(const struct log_record *r, struct buf *out)
{
	if (r->event == LOG_EVENT_OPEN) {
		buf_add_str(out, ",\"event\":\"open\"");
		add_member(out, ",\"after\":", r->after);
	} else {
		buf_add_str(out, ",\"event\":\"store\"");
		add_store(r, out);
	}
}

void
log_record_write(const struct log_record *r, struct span body,
    struct buf *out)
{
	add_member(out, "{\"time\":", r->time);
	add_number(out, ",\"n\":", r->n);
	buf_add(out, body);
	add_member(out, ",\"previous\":", r->previous);
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
	add_member(list, "", to);
}

void
log_record_add_step(struct buf *list, const struct log_step *step)
{
	add_comma(list);
	add_member(list, "[", step->kind);
	add_member(list, ",", step->path);
	add_number(list, ",", step->line);
	add_member(list, ",", step->name);
	buf_add_str(list, "]");
}

void
log_record_add_rcpt(struct buf *list, const struct log_rcpt *rcpt)
{
	add_comma(list);
	add_member(list, "{\"to\":", rcpt->to);
	add_member(list, ",\"verdict\":", rcpt->verdict);
	buf_add_str(list, ",\"steps\":[");
	buf_add(list, rcpt->steps);
	add_number(list, "],\"more\":", rcpt->more);
	buf_add_str(list, "}");
}
