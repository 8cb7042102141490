/*
 * Decisions on recipients, kept as text from the start: steps point into the
 * configuration, which a reload may replace.
 */
#include "server/mail/recipient.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/log/log_record.h"

enum { steps_max_bytes = 8 * 1024, name_max_bytes = 1024 };

static const char *const step_words[STEP_COUNT] = {
#define STEP_WORD(name, word, refuses, text) [STEP_##name] = word,
	STEPS(STEP_WORD)
#undef STEP_WORD
};

static bool
add_step(struct buf *steps, const struct decision_step *step)
{
	uint8_t text[name_max_bytes];
	struct buf name = buf_over(text, sizeof(text));

	/* "alice@example.org"; or "example.org" for a domain. */
	buf_add(&name, step->local);
	if (step->domain != NULL) {
		buf_add_str(&name, step->local.n > 0 ? "@" : "");
		buf_add_str(&name, step->domain->name);
	}
	return !name.cut && json_add(log_record_step, &(struct log_step){
	    .kind = span_of(step_words[step->kind]),
	    .path = span_of(step->path == NULL ? "" : step->path),
	    .line = step->line, .name = buf_span(&name) }, steps);
}

void
recipient_log_add(struct recipient_log *l, const struct mailbox *to,
    const char *verdict, const struct recipient_reason *reason)
{
	static uint8_t steps_text[steps_max_bytes];
	struct buf steps = buf_over(steps_text, sizeof(steps_text));
	char address[smtp_mailbox_text_max_bytes];
	size_t n = smtp_mailbox_text(to, address), i = 0;

	l->count++;
	if (l->text.p == NULL)
		l->text = buf_over(malloc(recipient_log_max_bytes),
		    recipient_log_max_bytes);
	if (l->text.p == NULL)
		return;
	while (i < reason->step_count && add_step(&steps, &reason->steps[i]))
		i++;
	(void)json_add(log_record_rcpt, &(struct log_rcpt){
	    .to = span_from(address, n), .verdict = span_of(verdict),
	    .steps = buf_span(&steps),
	    .more = reason->more + reason->step_count - i }, &l->text);
}

void
recipient_log_clear(struct recipient_log *l)
{
	free(l->text.p);
	memset(l, 0, sizeof(*l));
}

void
recipient_log_mailboxes(const struct recipient_set *to, struct buf *out)
{
	char text[smtp_mailbox_text_max_bytes];
	bool fits = true;

	for (size_t i = 0; fits && i < to->count; i++) {
		const struct recipient_mailbox *box = &to->boxes[i];

		snprintf(text, sizeof(text), "%s%s%s", box->user,
		    box->domain[0] == '\0' ? "" : "@", box->domain);
		fits = json_add(log_record_to, &(const struct span[]){
		    span_of(text) }, out);
	}
}
