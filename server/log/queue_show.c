/*
 * Lines about messages in the queue.  Addresses come from an envelope, where
 * nothing but an address can be; replies are escaped here.
 */
#include "server/log/queue_show.h"

#include <inttypes.h>
#include <string.h>

#include "server/log/figure.h"

enum { address_bytes = smtp_mailbox_text_max_bytes };

/* ---- the filter --------------------------------------------------------- */

/* want: an address, or "@" and a domain; "<>" is the null sender. */
static bool
is_address(const char *want, const struct mailbox *m)
{
	char text[address_bytes];
	struct span have = span_from(text, smtp_mailbox_text(m, text));
	struct span domain = span_from(m->domain, m->domain_len);

	if (want[0] == '@')
		return span_equal_fold(span_of(want + 1), domain);
	return strcmp(want, "<>") == 0 ? have.n == 0 :
	    span_equal_fold(span_of(want), have);
}

bool
queue_show_may(const struct ipc_ask *ask, const struct queue_row *row)
{
	return (ask->id[0] == '\0' || strcmp(ask->id, row->id) == 0) &&
	    (row->age_s < 0 ? 0 : (uint64_t)row->age_s) >= ask->age_s;
}

bool
queue_show_fits(const struct ipc_ask *ask, const struct queue_row *row)
{
	struct envelope_rcpt rcpt;
	struct span rest;
	bool found = ask->to[0] == '\0';

	if (row->envelope == NULL)
		return ask->from[0] == '\0' && found;
	if (ask->from[0] != '\0' &&
	    !is_address(ask->from, &row->envelope->from))
		return false;
	rest = row->envelope->rcpts;
	for (uint32_t i = 0; !found && envelope_next(&rest, &rcpt); i++)
		found = !row->is_done(row->arg, i) &&
		    is_address(ask->to, &rcpt.to);
	return found;
}

/* ---- what is shown ------------------------------------------------------ */

static const char *
state_of(const struct queue_row *row)
{
	return row->held ? "held" : row->busy ? "busy" :
	    row->parked ? "parked" : row->wait_s > 0 ? "waiting" : "due";
}

/* "held", "due", "in 5 min 3 s" */
static void
when(const struct queue_row *row, char out[figure_bytes])
{
	char in[figure_bytes];

	if (row->held || row->busy || row->parked || row->wait_s <= 0)
		snprintf(out, figure_bytes, "%s", state_of(row));
	else {
		figure_duration((uint64_t)row->wait_s * 1000, in);
		snprintf(out, figure_bytes, "in %.30s", in);
	}
}

static const char *
age_of(const struct queue_row *row)
{
	static char text[figure_bytes];

	figure_duration(row->age_s < 0 ? 0 : (uint64_t)row->age_s * 1000,
	    text);
	return text;
}

/* The first recipient that waits; false: none is known. */
static bool
first_left(const struct queue_row *row, char out[address_bytes])
{
	struct envelope_rcpt rcpt;
	struct span rest;

	if (row->envelope == NULL)
		return false;
	rest = row->envelope->rcpts;
	for (uint32_t i = 0; envelope_next(&rest, &rcpt); i++)
		if (!row->is_done(row->arg, i)) {
			(void)smtp_mailbox_text(&rcpt.to, out);
			return true;
		}
	return false;
}

/* The members that a line and the whole share. */
static void
add_json(const struct queue_row *row, struct json_out *j)
{
	char from[address_bytes] = "";

	json_out_string(j, "id", row->id);
	json_out_string(j, "state", state_of(row));
	json_out_i64(j, "age_seconds", row->age_s);
	json_out_i64(j, "due_in_seconds", row->wait_s);
	json_out_u64(j, "size_bytes", (uint64_t)row->size_kib * 1024);
	json_out_u64(j, "tries", row->tries);
	json_out_u64(j, "recipients_left", row->left);
	if (row->envelope == NULL) {
		json_out_null(j, "from");
		return;
	}
	(void)smtp_mailbox_text(&row->envelope->from, from);
	json_out_string(j, "from", from);
}

void
queue_show_head(const struct queue_out *o)
{
	if (o->f != NULL)
		fprintf(o->f, "%-16s %10s %10s %5s %-12s %s\n", "ID", "SIZE",
		    "AGE", "TRIES", "NEXT", "FROM, TO");
}

void
queue_show_row(const struct queue_row *row, const struct queue_out *o)
{
	char from[address_bytes] = "", to[address_bytes] = "?";
	char size[figure_bytes], next[figure_bytes];

	json_out_object(o->j, NULL);
	add_json(row, o->j);
	if (first_left(row, to))
		json_out_string(o->j, "to", to);
	json_out_end(o->j);
	if (o->f == NULL)
		return;
	figure_size((uint64_t)row->size_kib * 1024, size);
	when(row, next);
	fprintf(o->f, "%s %10s %10s %5" PRIu32 " %-12s ", row->id, size,
	    age_of(row), row->tries, next);
	if (row->envelope == NULL) {
		fputs("its file cannot be read\n", o->f);
		return;
	}
	(void)smtp_mailbox_text(&row->envelope->from, from);
	fprintf(o->f, "<%s> to <%s>", from, to);
	if (row->left > 1)
		fprintf(o->f, " and %" PRIu32 " more", row->left - 1);
	fputc('\n', o->f);
}

static void
show_rcpts(const struct queue_row *row, const struct queue_out *o)
{
	struct span rest = row->envelope->rcpts;
	struct envelope_rcpt rcpt;
	char to[address_bytes];

	json_out_array(o->j, "to");
	for (uint32_t i = 0; envelope_next(&rest, &rcpt); i++) {
		const bool done = row->is_done(row->arg, i);

		(void)smtp_mailbox_text(&rcpt.to, to);
		json_out_object(o->j, NULL);
		json_out_string(o->j, "address", to);
		json_out_bool(o->j, "done", done);
		json_out_end(o->j);
		if (o->f != NULL)
			fprintf(o->f, "  to         <%s>%s\n", to, done ?
			    ", done" : "");
	}
	json_out_end(o->j);
}

void
queue_show_whole(const struct queue_row *row, const struct queue_out *o)
{
	char from[address_bytes] = "", size[figure_bytes], next[figure_bytes];
	const struct envelope *e = row->envelope;

	json_out_object(o->j, NULL);
	add_json(row, o->j);
	figure_size((uint64_t)row->size_kib * 1024, size);
	when(row, next);
	if (o->f != NULL)
		fprintf(o->f, "message %s\n\n  queued     %s ago\n"
		    "  size       about %s\n  tries      %" PRIu32
		    "\n  next       %s\n", row->id, age_of(row), size,
		    row->tries, next);
	if (e != NULL) {
		(void)smtp_mailbox_text(&e->from, from);
		if (o->f != NULL)
			fprintf(o->f, "  from       <%s>%s\n  session    %.*s"
			    "\n", from, from[0] == '\0' ?
			    ", the sender of bounces" : "",
			    (int)e->session.n, (const char *)e->session.p);
		json_out_span(o->j, "session", e->session);
		json_out_span(o->j, "user", e->user);
		show_rcpts(row, o);
	} else if (o->f != NULL)
		fputs("  its file cannot be read\n", o->f);
	json_out_end(o->j);
	if (o->f != NULL)
		fputc('\n', o->f);
}
