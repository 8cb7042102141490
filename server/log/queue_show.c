/* Addresses come from an envelope, where nothing but an address can be. */
#include "server/log/queue_show.h"

#include <inttypes.h>
#include <string.h>

#include "server/log/figure.h"

enum { address_bytes = smtp_mailbox_text_max_bytes };

static bool
is_done(const struct queue_row *row, uint32_t index)
{
	return row->done != NULL && (row->done[index / 8] >> index % 8 & 1);
}

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
	struct ipc_rcpt rcpt;
	struct span rest;
	bool found = ask->to[0] == '\0';

	if (row->envelope == NULL)
		return ask->from[0] == '\0' && found;
	if (ask->from[0] != '\0' &&
	    !is_address(ask->from, &row->envelope->from))
		return false;
	rest = row->envelope->rcpts;
	for (uint32_t i = 0; !found && envelope_next(&rest, &rcpt); i++)
		found = !is_done(row, i) &&
		    is_address(ask->to, &rcpt.to);
	return found;
}

/* ---- what is shown ------------------------------------------------------ */

/* "in 5 min 3 s", or why it has no time. */
static const char *
when(const struct queue_row *row)
{
	static char text[40];

	if (row->held || row->busy || row->parked || row->wait_s <= 0)
		return row->held ? "held" : row->busy ? "busy" :
		    row->parked ? "parked" : "due";
	snprintf(text, sizeof(text), "in %s",
	    figure_duration((uint64_t)row->wait_s * 1000));
	return text;
}

/* The first recipient that waits; or with whole, all. */
static void
show_rcpts(const struct queue_row *row, bool whole, const struct queue_out *o)
{
	struct span rest = row->envelope->rcpts;
	struct ipc_rcpt rcpt;
	char to[address_bytes];

	json_out_array(o->j, "to");
	for (uint32_t i = 0; envelope_next(&rest, &rcpt); i++) {
		const bool done = is_done(row, i);

		if (done && !whole)
			continue;
		(void)smtp_mailbox_text(&rcpt.to, to);
		json_out_object(o->j, NULL);
		json_out_string(o->j, "address", to);
		json_out_bool(o->j, "done", done);
		json_out_end(o->j);
		figure_put(o->f, whole ? "\n    to <%s>%s" : " to <%s>%s",
		    to, done ? ", done" : "");
		if (!whole)
			break;
	}
	json_out_end(o->j);
	if (!whole && row->left > 1)
		figure_put(o->f, " and %" PRIu32 " more", row->left - 1);
}

void
queue_show_row(const struct queue_row *row, bool whole, bool first,
    const struct queue_out *o)
{
	const uint64_t size = (uint64_t)row->size_kib * 1024;
	char from[address_bytes] = "";
	const char *next = when(row);

	if (first)
		figure_put(o->f, "%-16s %10s %10s %5s %-12s %s\n", "ID",
		    "SIZE", "AGE", "TRIES", "NEXT", "FROM, TO");
	if (row->envelope != NULL)
		(void)smtp_mailbox_text(&row->envelope->from, from);
	json_out_object(o->j, NULL);
	json_out_string(o->j, "id", row->id);
	json_out_string(o->j, "state", next[0] == 'i' ? "waiting" : next);
	json_out_i64(o->j, "age_seconds", row->age_s);
	json_out_i64(o->j, "due_in_seconds", row->wait_s);
	json_out_u64(o->j, "size_bytes", size);
	json_out_u64(o->j, "tries", row->tries);
	json_out_u64(o->j, "recipients_left", row->left);
	figure_put(o->f, "%s %10s %10s %5" PRIu32 " %-12s ", row->id,
	    figure_size(size), figure_duration(row->age_s < 0 ? 0 :
	    (uint64_t)row->age_s * 1000), row->tries, next);
	if (row->envelope != NULL) {
		json_out_string(o->j, "from", from);
		figure_put(o->f, "<%s>", from);
		show_rcpts(row, whole, o);
	} else
		figure_put(o->f, "its file cannot be read");
	json_out_end(o->j);
	figure_put(o->f, "\n");
}
