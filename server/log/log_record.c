/*
 * The form of a line of the message log: all members, in one order, and nothing
 * between them.  Pure.
 */
#include "server/log/log_record.h"

#include <string.h>

/* ---- lists -------------------------------------------------------------- */

static void
form_step(struct json *j, struct log_step *s)
{
	json_text(j, "[", &s->kind);
	json_text(j, ",", &s->path);
	json_number(j, ",", &s->line);
	json_text(j, ",", &s->name);
	json_literal(j, "]");
}

/* A list: each element begins with first, and take reads it. */
static void
form_list(struct json *j, struct span *list, uint8_t first,
    void (*take)(struct json *j))
{
	const uint8_t *start = j->rest.p;

	if (j->out != NULL) {
		buf_add(j->out, *list);
		return;
	}
	if (j->rest.n > 0 && j->rest.p[0] == (uint8_t)first)
		do
			take(j);
		while (json_took(j, ","));
	*list = j->bad ? span_from("", 0) :
	    span_from(start, (size_t)(j->rest.p - start));
}

static void
take_step(struct json *j)
{
	struct log_step ignored;

	form_step(j, &ignored);
}

static void
form_rcpt(struct json *j, struct log_rcpt *r)
{
	json_text(j, "{\"to\":", &r->to);
	json_text(j, ",\"verdict\":", &r->verdict);
	json_literal(j, ",\"steps\":[");
	form_list(j, &r->steps, '[', take_step);
	json_number(j, "],\"more\":", &r->more);
	json_literal(j, "}");
}

static void
take_rcpt(struct json *j)
{
	struct log_rcpt ignored;

	form_rcpt(j, &ignored);
}

static void
take_to(struct json *j)
{
	(void)json_take_string(j);
}

void
log_record_form_rcpts(struct json *j, struct span *list)
{
	form_list(j, list, '{', take_rcpt);
}

/* Begins reading the next element; end_next takes the comma behind it. */
static bool
begin_next(struct json *j, const struct span *rest)
{
	*j = (struct json){ .rest = *rest };
	return rest->n > 0;
}

static bool
end_next(struct json *j, struct span *rest)
{
	if (!j->bad && j->rest.n > 0)
		json_take(j, ",");
	/* A trailing comma is an error. */
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

bool
log_record_next_step(struct span *rest, struct log_step *out)
{
	struct json j;

	if (!begin_next(&j, rest))
		return false;
	form_step(&j, out);
	return end_next(&j, rest);
}

bool
log_record_next_rcpt(struct span *rest, struct log_rcpt *out)
{
	struct json j;

	if (!begin_next(&j, rest))
		return false;
	form_rcpt(&j, out);
	return end_next(&j, rest);
}

static struct json
begin_add(struct buf *list)
{
	if (list->n > 0)
		buf_add_str(list, ",");
	return (struct json){ .out = list };
}

void
log_record_add_to(struct buf *list, struct span to)
{
	struct json j = begin_add(list);

	json_text(&j, "", &to);
}

void
log_record_add_step(struct buf *list, const struct log_step *step)
{
	struct json j = begin_add(list);
	struct log_step copy = *step;

	form_step(&j, &copy);
}

void
log_record_add_rcpt(struct buf *list, const struct log_rcpt *rcpt)
{
	struct json j = begin_add(list);
	struct log_rcpt copy = *rcpt;

	form_rcpt(&j, &copy);
}

/* ---- the line ---------------------------------------------------------- */

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
form_store(struct json *j, struct log_record *r)
{
	json_literal(j, ",\"event\":\"store\"");
	json_text(j, ",\"id\":", &r->id);
	json_text(j, ",\"session\":", &r->session);
	json_text(j, ",\"client\":", &r->client);
	json_number(j, ",\"port\":", &r->port);
	json_text(j, ",\"helo\":", &r->helo);
	json_text(j, ",\"protocol\":", &r->protocol);
	/* Without a login there is no member "user". */
	if (j->out != NULL && r->user.n > 0)
		json_text(j, ",\"user\":", &r->user);
	else if (j->out == NULL && json_took(j, ",\"user\":")) {
		json_text(j, "", &r->user);
		j->bad |= r->user.n == 0;
	}
	json_text(j, ",\"from\":", &r->from);
	json_number(j, ",\"size\":", &r->size);
	json_text(j, ",\"file\":", &r->file);
	json_number(j, ",\"mailboxes\":", &r->mailboxes);
	json_literal(j, ",\"to\":[");
	form_list(j, &r->to, '"', take_to);
	json_number(j, "],\"recipients\":", &r->recipients);
	json_literal(j, ",\"rcpt\":[");
	log_record_form_rcpts(j, &r->rcpt);
	json_literal(j, "]");
}

bool
log_record_read(struct span line, struct log_record *out)
{
	struct json j = { .rest = line };

	memset(out, 0, sizeof(*out));
	json_text(&j, "{\"time\":", &out->time);
	json_number(&j, ",\"n\":", &out->n);
	if (json_took(&j, ",\"event\":\"open\"")) {
		out->event = LOG_EVENT_OPEN;
		json_text(&j, ",\"after\":", &out->after);
	} else {
		out->event = LOG_EVENT_STORE;
		form_store(&j, out);
	}
	json_text(&j, ",\"previous\":", &out->previous);
	json_literal(&j, "}");
	return !j.bad && j.rest.n == 0 && out->n > 0 &&
	    log_record_is_time(out->time) && log_record_is_hash(out->previous);
}

void
log_record_write_body(const struct log_record *r, struct buf *out)
{
	struct json j = { .out = out };
	struct log_record copy = *r;

	if (r->event == LOG_EVENT_STORE) {
		form_store(&j, &copy);
		return;
	}
	json_literal(&j, ",\"event\":\"open\"");
	json_text(&j, ",\"after\":", &copy.after);
}

void
log_record_write(const struct log_record *r, struct span body,
    struct buf *out)
{
	struct json j = { .out = out };
	struct log_record copy = *r;

	json_text(&j, "{\"time\":", &copy.time);
	json_number(&j, ",\"n\":", &copy.n);
	buf_add(out, body);
	json_text(&j, ",\"previous\":", &copy.previous);
	json_literal(&j, "}\n");
}
