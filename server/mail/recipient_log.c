/*
 * Decisions on recipients, kept as text from the start: steps point into the
 * configuration, which a reload may replace.
 */
#include "server/mail/recipient_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/log/log_record.h"

enum { one_max_bytes = 8 * 1024, name_max_bytes = 1024, room_first = 1024 };

static const char *const step_words[STEP_COUNT] = {
#define STEP_WORD(name, word, refuses, text) [STEP_##name] = word,
	STEPS(STEP_WORD)
#undef STEP_WORD
};

/* "alice@example.org"; or "example.org" for a domain. */
static void
add_name(struct buf *b, const struct decision_step *step)
{
	json_add_text(b, step->local);
	if (step->local.n > 0)
		buf_add_str(b, "@");
	json_add_text(b, span_of(step->domain->name));
}

/* Adds a step whole or not at all. */
static bool
add_step(struct buf *steps, const struct decision_step *step)
{
	uint8_t path_text[2 * name_max_bytes], name_text[name_max_bytes];
	struct buf path = buf_over(path_text, sizeof(path_text));
	struct buf name = buf_over(name_text, sizeof(name_text));
	struct buf before = *steps;

	if (step->path != NULL)
		json_add_text(&path, span_of(step->path));
	add_name(&name, step);
	json_add(log_record_step, &(struct log_step){
	    .kind = span_of(step_words[step->kind]), .path = buf_span(&path),
	    .line = step->line, .name = buf_span(&name) }, steps);
	if (!steps->cut && !path.cut && !name.cut)
		return true;
	*steps = before;
	return false;
}

static bool
reserve(struct recipient_log *l, size_t n)
{
	size_t room = l->room == 0 ? room_first : l->room;
	char *text;

	while (room < n)
		room *= 2;
	if (room == l->room)
		return true;
	text = realloc(l->text, room);
	if (text == NULL)
		return false;
	l->text = text;
	l->room = room;
	return true;
}

void
recipient_log_add(struct recipient_log *l, const struct mailbox *to,
    const char *verdict, const struct recipient_reason *reason)
{
	static uint8_t steps_text[one_max_bytes];
	uint8_t to_text[2 * smtp_mailbox_text_max_bytes];
	struct buf steps = buf_over(steps_text, sizeof(steps_text));
	struct buf escaped = buf_over(to_text, sizeof(to_text)), list;
	char address[smtp_mailbox_text_max_bytes];
	size_t n = smtp_mailbox_text(to, address), left = reason->step_count;
	struct log_rcpt rcpt = { .verdict = span_of(verdict) };

	l->count++;
	json_add_text(&escaped, span_from(address, n));
	for (size_t i = 0; i < reason->step_count; i++, left--)
		if (!add_step(&steps, &reason->steps[i]))
			break;
	rcpt.to = buf_span(&escaped);
	rcpt.steps = buf_span(&steps);
	rcpt.more = reason->more + left;
	n = l->n + escaped.n + strlen(verdict) + steps.n + 128;
	if (n > recipient_log_max_bytes || !reserve(l, n))
		return;
	list = buf_over(l->text, l->room);
	list.n = l->n;
	json_add(log_record_rcpt, &rcpt, &list);
	if (!list.cut)
		l->n = list.n;
}

void
recipient_log_clear(struct recipient_log *l)
{
	free(l->text);
	memset(l, 0, sizeof(*l));
}

void
recipient_log_mailboxes(const struct recipient_set *to, struct buf *out)
{
	char text[2 * smtp_mailbox_text_max_bytes];
	char address[smtp_mailbox_text_max_bytes];

	for (size_t i = 0; i < to->count; i++) {
		struct buf escaped = buf_over(text, sizeof(text));
		struct buf before = *out;

		snprintf(address, sizeof(address), "%s%s%s",
		    to->boxes[i].user, to->boxes[i].domain[0] ? "@" : "",
		    to->boxes[i].domain);
		json_add_text(&escaped, span_of(address));
		json_add(log_record_to, &(struct span){ escaped.p,
		    escaped.n }, out);
		if (!out->cut)
			continue;
		*out = before;
		return;
	}
}
