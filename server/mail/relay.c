/*
 * Relays: each is a connection that dial made, and then a worker that speaks
 * over it.  The worker reads a stranger's replies, so it may be compromised:
 * what it says is taken only where it fits what it was given.
 */
#include "server/mail/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/deadline.h"

enum { overdue_grace_ms = 60000 };

enum relay_step {
	RELAY_GREETS,		/* or is not connected, or has no worker yet */
	RELAY_READY,		/* for a message */
	RELAY_SENDS
};

struct relay {
	TAILQ_ENTRY(relay)		 entry;
	struct master			*master;
	const struct relay_owner	*owner;		/* NULL: it quits */
	void				*arg;
	enum relay_step			 step;
	int64_t				 since_ms;	/* when step was set */
	struct dial_job			 dial;
	bool				 dials;
	int				 socket;	/* until a worker's */
	struct ipc_client		 client;
	char				 name[pool_blame_bytes];
	struct pool_wait		 wait;		/* for a worker */
	struct worker			*worker;
	/* The message under way: */
	const struct queue_open		*open;
	const struct ipc_rcpt	*to;
	size_t				 count;
	bool				 has_letter;	/* worker */
	size_t				 told;		/* of to, to worker */
	size_t				 left;		/* without outcome */
	bool				 had[relay_rcpts_max];
	bool				 has_why;
	struct ipc_outcome		 why;		/* of the end */
};

static TAILQ_HEAD(relay_list, relay) relays = TAILQ_HEAD_INITIALIZER(relays);

static void
set_step(struct relay *r, enum relay_step step)
{
	r->step = step;
	r->since_ms = deadline_now_ms();
}

/* ---- the end ------------------------------------------------------------ */

/* The recipient that o is of has it now, or all that had none. */
static void
tell(struct relay *r, const struct ipc_outcome *o)
{
	struct ipc_outcome own = *o;

	for (own.index = 0; own.index < r->count; own.index++)
		if (!r->had[own.index] && (o->index == relay_all ||
		    o->index == own.index)) {
			r->had[own.index] = true;
			r->left--;
			r->owner->outcome(r->arg, own.index, &own);
		}
}

static void
free_relay(struct relay *r)
{
	TAILQ_REMOVE(&relays, r, entry);
	if (r->dials)
		dial_forget(&r->dial);
	pool_forgo(&r->wait);
	if (r->socket != -1)
		close(r->socket);
	free(r);
}

/* Frees r, which has no worker, for the reason that one gave, or for this. */
static void
finish(struct relay *r, enum relay_stage stage, enum relay_end end,
    const char *text, bool crashed)
{
	const struct relay_owner *owner = r->owner;
	struct ipc_outcome why = { .stage = (uint8_t)stage,
	    .end = (uint8_t)end };
	struct buf b = buf_over(why.text, sizeof(why.text));
	void *arg = r->arg;

	buf_add_str(&b, text);
	why.n = (uint16_t)b.n;
	if (r->has_why)
		why = r->why;
	why.index = relay_all;
	if (r->step == RELAY_SENDS)
		tell(r, &why);
	free_relay(r);
	if (owner != NULL)
		owner->gone(arg, &why, crashed);
}

/* ---- a connection, and a worker for it ----------------------------------- */

static void
on_dialed(void *arg, int fd, int error)
{
	struct relay *r = arg;

	r->dials = false;
	r->socket = fd;
	if (fd != -1)
		pool_want(r->master, &relay_use, &r->wait, r);
	else
		finish(r, RELAY_CONNECT, error == ETIMEDOUT ?
		    RELAY_END_TIMEOUT : error == ELOOP ?
		    RELAY_END_OURSELVES : error == EMFILE || error == ENFILE ||
		    error == ENOMEM || error == ENOBUFS || error == EAGAIN ?
		    RELAY_END_LOCAL : RELAY_END_REFUSED,
		    error == EACCES ? "smtpd may not connect to this address, "
		    "which is not public" : error == ELOOP ? "" :
		    strerror(error), false);
}

/* Without a local part that needs SMTPUTF8, a domain does without, too. */
static void
to_ascii(struct mailbox *m)
{
	char ascii[punycode_domain_bytes];
	struct mailbox with = *m;

	if (!smtp_mailbox_is_utf8(m) ||
	    !punycode_domain(span_from(m->domain, m->domain_len), ascii))
		return;
	with.domain_len = (uint8_t)strlen(ascii);
	memset(with.domain, 0, sizeof(with.domain));
	memcpy(with.domain, ascii, with.domain_len);
	if (!smtp_mailbox_is_utf8(&with))
		*m = with;
}

static void
write_letter(const struct relay *r, struct ipc_letter *out)
{
	const struct queue_open *o = r->open;
	const struct envelope *e = &o->envelope;

	span_copy(e->envid, out->envid);
	out->from = e->from;
	to_ascii(&out->from);
	out->at = o->at;
	out->size = o->size;
	out->lines = o->lines;
	out->flags = o->flags & CONTENT_FLAGS;
	out->smtputf8 = e->smtputf8;
	out->ret = e->ret;
	out->count = (uint16_t)r->count;
}

/* LETTER, then its recipients; nothing without a descriptor to spare. */
static bool
feed(void *owner, struct ipc_record *out, int *pass)
{
	struct relay *r = owner;
	memset(out, 0, sizeof(*out));
	if (!r->has_letter) {
		*pass = fcntl(r->open->fd, F_DUPFD_CLOEXEC, 3);
		r->has_letter = *pass != -1;
		out->type = IPC_LETTER;
		write_letter(r, &out->u.letter);
		return r->has_letter;
	}
	if (r->told == r->count)
		return false;
	out->type = IPC_RCPT_TO;
	out->u.rcpt = r->to[r->told++];
	out->u.rcpt.notify &= DSN_NOTIFY_ALL;
	to_ascii(&out->u.rcpt.to);
	return true;
}

static int
begin(void *owner, struct worker *w)
{
	struct relay *r = owner;
	struct ipc_record record = { .type = IPC_CLIENT,
	    .u.client = r->client };

	if (pool_send(w, &record, r->socket) == -1)
		return -1;
	close(r->socket);
	r->socket = -1;
	r->worker = w;
	set_step(r, RELAY_GREETS);
	return IPC_AT_RELAY;
}

/* ---- what the worker says ------------------------------------------------ */

/* 2yz to the final dot alone is a delivery; before, and 3yz, no outcome. */
static bool
on_outcome(struct relay *r, const struct ipc_outcome *o)
{
	const unsigned class = o->code / 100;
	const bool sends = r->step == RELAY_SENDS, all = o->index == relay_all;

	if ((class != 0 && class < 4 && (class != 2 || o->stage != RELAY_DOT ||
	    all)) || (all ? r->has_why || (sends && r->left == 0) :
	    !sends || o->index >= r->told || r->had[o->index]))
		return false;
	if (all) {
		r->why = *o;
		r->has_why = true;
	}
	if (sends)
		tell(r, o);
	return true;
}

static bool
on_letter_done(struct relay *r, bool reusable)
{
	if (r->step != RELAY_SENDS || r->left > 0 || r->told < r->count)
		return false;
	set_step(r, RELAY_READY);
	r->has_why = false;
	pool_permit(r->worker, IPC_AT_RELAY);
	r->owner->sent(r->arg, reusable);
	return true;
}

/*
 * While a message is under way the worker may end only if it said of all
 * recipients why: the host had closed the connection when LETTER came.
 */
static bool
on_end(struct relay *r)
{
	struct worker *w = r->worker;

	if (r->step == RELAY_SENDS && r->left > 0)
		return false;
	r->worker = NULL;
	pool_release(w);
	finish(r, RELAY_QUIT, r->master->stopping ? RELAY_END_STOPPED :
	    RELAY_END_LOST, "", false);
	return true;
}

static bool
on_record(void *owner, const struct ipc_record *record)
{
	struct relay *r = owner;

	if (record->type == IPC_OUTCOME)
		return on_outcome(r, &record->u.outcome);
	if (record->type == IPC_LETTER_DONE)
		return on_letter_done(r, record->u.number.n == 1);
	if (record->type == IPC_END)
		return on_end(r);
	if (record->type != IPC_GREETED || r->step != RELAY_GREETS)
		return false;
	set_step(r, RELAY_READY);
	if (r->owner != NULL)
		r->owner->greeted(r->arg, &record->u.greeted);
	return true;
}

/* No honest worker ends at its work but when smtpd stops. */
static void
on_lost(void *owner, const char *how)
{
	struct relay *r = owner;

	r->worker = NULL;
	finish(r, r->step == RELAY_GREETS ? RELAY_GREETING : r->step ==
	    RELAY_SENDS ? RELAY_MAIL : RELAY_QUIT, r->master->stopping ?
	    RELAY_END_STOPPED : RELAY_END_LOCAL, how, !r->master->stopping);
}

/* ---- what the pool asks -------------------------------------------------- */

static void
see(const void *owner, struct pool_sight *out)
{
	const struct relay *r = owner;

	out->state = r->step == RELAY_SENDS ? "sends" : "relay";
	out->due_ms = r->since_ms + overdue_grace_ms +
	    (r->step == RELAY_GREETS ? relay_greeting_max_ms :
	    r->step == RELAY_SENDS ? relay_letter_max_ms(r->open->size) : 0);
	memcpy(out->blame, r->name, sizeof(r->name));
}

static void
accuse(struct master *m, const void *blame, struct log_line *l)
{
	log_add(l, "host=%s", (const char *)blame);
}

const struct worker_use relay_use = {
	.once = true,
	.begin = begin,
	.feed = feed,
	.on_record = on_record,
	.on_lost = on_lost,
	.see = see,
	.accuse = accuse
};

/* ---- what the owner asks ------------------------------------------------- */

struct relay *
relay_connect(struct master *m, const struct relay_host *to,
    const struct relay_owner *owner, void *arg)
{
	struct relay *r = calloc(1, sizeof(*r));
	struct ipc_client *c;
	struct ip ip;

	if (r == NULL)
		return NULL;
	*r = (struct relay){ .master = m, .owner = owner, .arg = arg,
	    .socket = -1, .has_letter = true, .dial = to->dial,
	    .client = { .tls = (uint8_t)to->tls,
	    .patience_ms = relay_patience_ms } };
	c = &r->client;
	strlcpy(c->helo, to->helo, sizeof(c->helo));
	if (!ip_parse(span_of(to->name), &ip))
		strlcpy(c->host, to->name, sizeof(c->host));
	strlcpy(r->name, to->name, sizeof(r->name));
	r->dial.done = on_dialed;
	r->dial.arg = r;
	r->dials = true;
	TAILQ_INSERT_TAIL(&relays, r, entry);
	dial_connect(m, &r->dial);
	return r;
}

void
relay_send(struct relay *r, const struct queue_open *o,
    const struct ipc_rcpt *to, size_t count)
{
	r->open = o;
	r->to = to;
	r->count = r->left = count;
	r->told = 0;
	r->has_letter = r->has_why = false;
	memset(r->had, 0, sizeof(r->had));
	set_step(r, RELAY_SENDS);
	pool_permit(r->worker, IPC_AT_LETTER);
	pool_feed(r->worker);
}

/* DISMISS may not fit: then the worker ends by its own patience. */
void
relay_dismiss(struct relay *r)
{
	struct ipc_record record = { .type = IPC_DISMISS };

	r->owner = NULL;
	if (r->worker == NULL)
		free_relay(r);
	else
		(void)pool_send(r->worker, &record, -1);
}

bool
relay_drain(struct master *m)
{
	struct relay *r, *next;
	bool done = true;

	TAILQ_FOREACH_SAFE(r, &relays, entry, next)
		if (r->worker != NULL)
			done = done && r->owner == NULL;
		else
			finish(r, RELAY_CONNECT, RELAY_END_STOPPED, "", false);
	return done;
}
