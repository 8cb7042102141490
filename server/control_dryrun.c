/*
 * Dry runs on the live master: the facts of this moment, and the steps as
 * records.  A path stands before the first step that has it.
 */
#include "server/control_dryrun.h"

#include <stdio.h>
#include <string.h>

#include "server/control_status.h"
#include "server/dryrun.h"
#include "shared/deadline.h"

/* Of an answer, for what comes behind its steps. */
enum { spare_bytes = 8 * 1024 };

struct teller {
	struct control_answer	*answer;
	const char		*path;		/* told last */
};

static struct ipc_record
record(enum ipc_type type)
{
	struct ipc_record r;

	memset(&r, 0, sizeof(r));
	r.type = type;
	return r;
}

static void
tell_step(void *arg, const struct ipc_tell_step *t, const char *path)
{
	struct teller *teller = arg;
	struct ipc_record r;

	if (teller->answer->n + spare_bytes > control_answer_max_bytes) {
		teller->answer->cut = true;
		return;
	}
	if (path != NULL && (teller->path == NULL ||
	    strcmp(path, teller->path) != 0)) {
		r = record(IPC_TELL_PATH);
		r.u.tell_path.of = PATH_PLACE;
		snprintf(r.u.tell_path.path, sizeof(r.u.tell_path.path),
		    "%s", path);
		control_answer_put(teller->answer, &r);
		teller->path = path;
	}
	r = record(IPC_TELL_STEP);
	r.u.tell_step = *t;
	control_answer_put(teller->answer, &r);
}

static void
tell_reply(struct control_answer *a, const struct ipc_tell_reply *reply)
{
	struct ipc_record r = record(IPC_TELL_REPLY);

	r.u.tell_reply = *reply;
	control_answer_put(a, &r);
}

static void
look(struct master *m, const struct ipc_ask_mail *ask,
    struct dryrun_live *out)
{
	struct address client = { .ipv6 = ask->ipv6 };

	memcpy(client.ip, ask->ip, sizeof(client.ip));
	address_look(m->book, &client, deadline_now_ms(), &out->here,
	    &out->near);
	out->sessions = m->pool.busy_count + m->pool.pending_count +
	    m->greeting_count;
	out->room_known = spool_room(&m->spool, &out->room);
}

void
control_dryrun_mail(struct master *m, const struct ipc_ask_mail *ask,
    struct control_answer *a)
{
	struct dryrun_live live;
	struct teller teller = { a, NULL };
	const struct dryrun e = { &m->conf, &live, tell_step, &teller };
	struct ipc_tell_reply reply;

	look(m, ask, &live);
	control_about(m, a);
	if (ask->has_client) {
		dryrun_client(&e, &reply);
		tell_reply(a, &reply);
	}
	dryrun_mail(&e, &ask->mail, &reply);
	tell_reply(a, &reply);
}

void
control_dryrun_rcpt(struct master *m, const struct ipc_ask_rcpt *ask,
    struct control_answer *a)
{
	struct dryrun_live live = { .sessions = 0 };
	struct teller teller = { a, NULL };
	const struct dryrun e = { &m->conf, &live, tell_step, &teller };
	struct ipc_tell_reply reply;

	dryrun_rcpt(&e, &ask->to, ask->before, &reply);
	tell_reply(a, &reply);
}
