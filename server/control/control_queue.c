/* What smtpctl queue asks: a walk over all messages, in pieces. */
#include "server/control/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/log/figure.h"
#include "server/log/log_message.h"
#include "server/log/queue_show.h"

enum {
	cost_a_turn_max = 1024,		/* looks at messages */
	cost_of_opening = 32		/* of a file: it takes system calls */
};

struct walk {
	struct control_task	 task;
	struct master		*master;
	struct ipc_ask		 ask;
	const char		*by;		/* user, for the log */
	struct json_out		 j;
	size_t			 cursor;
	uint64_t		 found;
};

static bool
shows(const struct walk *w)
{
	return w->ask.act == QUEUE_LIST || w->ask.act == QUEUE_SHOW;
}

/* A message that is meant: shows it, or does what is asked. */
static void
act(struct walk *w, struct queued *q, const struct queue_row *row,
    const struct queue_out *o)
{
	const bool removes = w->ask.act == QUEUE_REMOVE;
	struct master *m = w->master;

	w->found++;
	if (shows(w)) {
		queue_show_row(row, w->ask.act == QUEUE_SHOW, w->found == 1, o);
		return;
	}
	json_out_string(o->j, NULL, row->id);
	figure_put(o->f, "%s %s\n", row->id, removes ? "removed" :
	    row->held ? "released, and due now" : "due now");
	if (removes || row->held)
		queue_log_by(m, removes ? LOG_EVENT_REMOVED :
		    LOG_EVENT_RELEASED, q, w->by, "smtpctl");
	if (row->held && !removes)
		queue_hold(m, q, false);
	if (removes)
		schedule_remove(m, q);
	else
		schedule_retry(m, q);
}

/* Looks at q; true: its file was opened. */
static bool
look(struct walk *w, struct queued *q, const struct queue_out *o)
{
	const struct ipc_ask *ask = &w->ask;
	const int64_t now_s = queue_now_s(w->master);
	struct queue_row row = {
		.age_s = now_s - q->queued_s, .wait_s = q->next_s - now_s,
		.size_kib = q->size_kib, .left = q->left, .tries = q->tries,
		.held = (q->state & QUEUED_HELD) != 0,
		.busy = (q->state & QUEUED_BUSY) != 0, .done = q->done
	};
	struct queue_open open;
	bool opens = shows(w) || ask->from[0] != '\0' || ask->to[0] != '\0';

	row.parked = !row.busy && q->work != NULL;
	memcpy(row.id, q->id, sizeof(q->id));
	if (!queue_show_may(ask, &row))
		return false;
	if (opens && queue_open(w->master, q, &open) == 0)
		row.envelope = &open.envelope;
	else if (opens && (errno == ENOENT || errno == EBADMSG)) {
		schedule_remove(w->master, q);
		return true;
	}
	if (queue_show_fits(ask, &row))
		act(w, q, &row, o);
	if (row.envelope != NULL)
		queue_close(&open);
	return opens;
}

static void
finish(struct walk *w, FILE *f)
{
	const bool reading = queue_count(w->master)->reading;

	/* Who asks may look for it at once. */
	if (!shows(w) && log_message_flush(w->master->log) == -1)
		log_error("write", "log/message", errno);
	json_out_end(&w->j);
	json_out_u64(&w->j, "count", w->found);
	json_out_bool(&w->j, "reading", reading);
	json_out_end(&w->j);
	if (w->found == 0)
		figure_put(f, "no message in the queue%s\n",
		    w->ask.act == QUEUE_LIST && w->ask.from[0] == '\0' &&
		    w->ask.to[0] == '\0' && w->ask.age_s == 0 ? "" :
		    " that matches");
	if (reading)
		figure_put(f, "the queue is still being read: there may be "
		    "more\n");
}

static enum control_step
step(struct control_task *t, struct control_out *out, uint8_t *status)
{
	struct walk *w = (struct walk *)t;
	const struct queue_out o = { out->f, &w->j };
	unsigned cost = 0;
	struct queued *q;

	w->j.f = out->j.f;
	if (w->cursor == 0) {
		/* Name servers that gave no answer are asked again, too. */
		if (w->ask.act == QUEUE_RETRY)
			resolver_renew();
		json_out_object(&w->j, NULL);
		json_out_array(&w->j, "queue");
	}
	while (cost++ < cost_a_turn_max) {
		q = queue_next(w->master, &w->cursor);
		if (q != NULL)
			cost += look(w, q, &o) ? cost_of_opening : 0;
		if (q == NULL || (w->found > 0 && w->ask.id[0] != '\0')) {
			finish(w, out->f);
			*status = w->found == 0 && w->ask.act != QUEUE_LIST;
			return CONTROL_DONE;
		}
	}
	return CONTROL_MORE;
}

static void
end(struct control_task *t)
{
	free(t);
}

struct control_task *
control_queue(struct master *m, const struct ipc_ask *ask, uid_t uid)
{
	struct walk *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	*w = (struct walk){ .task = { .step = step, .end = end },
	    .master = m, .ask = *ask,
	    .by = uid == 0 ? "root" : m->users.master.name };
	return &w->task;
}
