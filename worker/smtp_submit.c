/*
 * Judging a submitted message by its header.  One user must not be able to
 * write as another: the master is asked about each address of From and Sender,
 * and a header in which two readers could see two authors is refused.
 */
#include "worker/smtp_submit.h"

#include <sodium.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shared/trace_field.h"
#include "worker/ask.h"
#include "worker/mailbox_list.h"

enum { random_bytes = 16 };

static struct originators originators;

struct originators *
smtp_submit_begin(const struct smtp_session *s)
{
	if (!s->submission)
		return NULL;
	memset(&originators, 0, sizeof(originators));
	return &originators;
}

/* Random, so that it is unique and reveals nothing but our host name. */
static void
add_message_id(const struct smtp_session *s, struct buf *out)
{
	uint8_t random[random_bytes];
	char digits[2 * sizeof(random) + 1];

	if (getentropy(random, sizeof(random)) == -1)
		return;		/* it may be missing (RFC 5322 3.6.4) */
	buf_add_str(out, "Message-ID: <");
	buf_add_str(out, sodium_bin2hex(digits, sizeof(digits), random,
	    sizeof(random)));
	buf_add_str(out, "@");
	buf_add(out, span_from(s->settings->hostname,
	    s->settings->hostname_len));
	buf_add_str(out, ">\n");
}

void
smtp_submit_add_fields(const struct smtp_session *s, struct buf *out)
{
	struct tm utc;

	if (originators.date == 0) {
		trace_field_utc(time(NULL), &utc);
		buf_add_str(out, "Date: ");
		trace_field_date(&utc, out);
		buf_add_str(out, "\n");
	}
	if (originators.message_id == 0)
		add_message_id(s, out);
}

/* Judges every mailbox in the body of a field. */
static enum smtp_reply
judge_list(struct smtp_session *s, struct span body, unsigned *asked)
{
	struct mailbox m;

	for (;;) {
		switch (mailbox_list_next(&body, &m)) {
		case MAILBOX_LIST_END:
			return REPLY_OK;
		case MAILBOX_LIST_BAD:
			return REPLY_BAD_FROM;
		case MAILBOX_LIST_NEXT:
			break;
		}
		if ((*asked)++ == ipc_authors_max)
			return REPLY_LONG_FROM;
		if (ask_originator(s->master, &m) != VERDICT_OK)
			return REPLY_AUTHOR_NOT_YOURS;
	}
}

enum smtp_reply
smtp_submit_judge(struct smtp_session *s)
{
	struct span rest = span_from(originators.text, originators.n);
	enum smtp_reply reply = REPLY_OK;
	unsigned asked = 0;

	if (originators.broken)
		return REPLY_BAD_HEADER;
	if (originators.control)
		return REPLY_CONTROL_FROM;
	if (originators.from == 0)
		return REPLY_NO_FROM;
	if (originators.from > 1 || originators.sender > 1)
		return REPLY_TWO_FROM;
	if (originators.too_long)
		return REPLY_LONG_FROM;
	while (reply == REPLY_OK && rest.n > 0) {
		const uint8_t *lf = memchr(rest.p, '\n', rest.n);
		size_t n = lf == NULL ? rest.n : (size_t)(lf - rest.p);

		reply = judge_list(s, span_from(rest.p, n), &asked);
		rest = span_skip(rest, lf == NULL ? n : n + 1);
	}
	return reply;
}
