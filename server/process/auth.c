/*
 * The master's end of the auth process, which gets one question at a time.
 */
#include "server/process/auth.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/conf/conf_table.h"
#include "server/conf/privdrop.h"
#include "server/process/feed.h"
#include "server/process/helper.h"
#include "shared/ipc.h"

struct auth {
	bool			 busy;		/* a question is under way */
	uint64_t		 tickets;	/* given out */
	struct event		 room;		/* channel takes a question */
	struct feed		 feed;
	struct conf_epoch	*epoch;		/* being sent; or NULL */
	struct conf_epoch	*next;		/* to be sent next; or NULL */
	size_t			 domain, user;	/* next to be sent, of epoch */
	uint64_t		 rows;		/* sent so far */
	bool			 ended;		/* TABLE was sent */
};

static struct auth *
auth_of(const struct master *m)
{
	return m->helpers[HELPER_AUTH].own;
}

static bool
make_row(const struct conf_domain *d, const struct conf_user *u,
    struct ipc_account *out)
{
	char text[login_name_max_bytes];
	size_t n = u->stored == NULL ? 0 : strlen(u->stored);

	snprintf(text, sizeof(text), "%s@%s", u->name, d->name);
	if (n == 0 || n > sizeof(out->stored) ||
	    !smtp_mailbox_from_text(span_of(text), &out->who))
		return false;
	memcpy(out->stored, u->stored, n);
	out->stored_len = (uint8_t)n;
	return true;
}

/* Writes each account that can log in, and at the end their number. */
static bool
next_row(void *arg, struct ipc_record *out)
{
	struct auth *a = auth_of(arg);
	const struct conf *conf = &a->epoch->conf;

	memset(out, 0, sizeof(*out));
	out->type = IPC_ACCOUNT;
	for (; a->domain < conf->domain_count; a->domain++, a->user = 0) {
		const struct conf_domain *d = &conf->domains[a->domain];

		while (a->user < d->user_count)
			if (make_row(d, &d->users[a->user++],
			    &out->u.account)) {
				a->rows++;
				return true;
			}
	}
	if (a->ended)
		return false;
	out->type = IPC_TABLE;
	out->u.table.rows = a->rows;
	a->ended = true;
	return true;
}

/* Leaves an epoch and wipes its passwords: no other process needs them. */
static void
drop_epoch(struct conf_epoch **e)
{
	if (*e == NULL)
		return;
	conf_forget_passwords(&(*e)->conf);
	conf_epoch_leave(*e);
	*e = NULL;
}

static void
lost(struct master *m, bool again)
{
	struct auth *a = auth_of(m);

	if (a == NULL)
		return;
	feed_stop(&a->feed);
	event_del(&a->room);
	drop_epoch(&a->epoch);
	drop_epoch(&a->next);
	a->busy = false;
	m->auth_owner->on_lost(m, again);
}

bool
auth_is_idle(const struct master *m)
{
	return m->helpers[HELPER_AUTH].state == HELPER_SERVING &&
	    !auth_of(m)->busy;
}

bool
auth_ask(struct master *m, const struct ipc_password *question)
{
	struct auth *a = auth_of(m);
	struct ipc_record r;
	int result;

	if (!auth_is_idle(m))
		return false;
	memset(&r, 0, sizeof(r));
	r.type = IPC_PASSWORD;
	r.u.password = *question;
	r.u.password.ticket = ++a->tickets;
	result = ipc_send(m->helpers[HELPER_AUTH].channel, &r, -1, false);
	explicit_bzero(&r, sizeof(r));
	/* The channel is full of table rows.  (helper.c handles its end.) */
	if (result == -1)
		event_add(&a->room, NULL);
	a->busy = result == 0;
	return a->busy;
}

static void
on_room(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;

	(void)fd;
	(void)what;
	m->auth_owner->on_idle(m);
}

static void
take(struct master *m, const struct ipc_record *r)
{
	struct auth *a = auth_of(m);

	if (r->type != IPC_CHECKED || !a->busy ||
	    r->u.checked.ticket != a->tickets)
		return;
	a->busy = false;
	m->auth_owner->on_answer(m, (enum login_answer)r->u.checked.answer);
	m->auth_owner->on_idle(m);
}

static void
feed_next(struct auth *a)
{
	if (a->epoch != NULL || a->next == NULL)
		return;
	a->epoch = a->next;
	a->next = NULL;
	a->domain = a->user = 0;
	a->rows = 0;
	a->ended = false;
	feed_start(&a->feed);
}

static void
on_fed(void *arg)
{
	struct master *m = arg;
	struct auth *a = auth_of(m);

	drop_epoch(&a->epoch);
	/* After an error the channel ends, and helper.c handles that. */
	if (a->feed.error != 0)
		return;
	helper_fed(m, HELPER_AUTH);
	feed_next(a);
	m->auth_owner->on_idle(m);
}

void
auth_renew(struct master *m)
{
	struct auth *a = auth_of(m);

	if (m->helpers[HELPER_AUTH].state < HELPER_UNFED) {
		conf_forget_passwords(&m->conf);
		return;
	}
	drop_epoch(&a->next);
	a->next = conf_epoch_enter(m->epoch);
	feed_next(a);
}

/* Sends the current table; at start the master still has it in memory. */
static void
feed(struct master *m, bool first)
{
	struct helper *h = &m->helpers[HELPER_AUTH];
	const char *path;
	char why[PATH_MAX + 64];
	int error;

	if (first)
		h->own = calloc(1, sizeof(struct auth));
	if (h->own == NULL) {
		helper_lose(m, HELPER_AUTH, "no memory");
		return;
	}
	if (first || conf_passwords_load(&m->conf, &path) == 0) {
		event_assign(&auth_of(m)->room, m->base, h->channel, EV_WRITE,
		    on_room, m);
		feed_init(&auth_of(m)->feed, m->base, h->channel, next_row,
		    on_fed, m);
		auth_renew(m);
		return;
	}
	error = errno;
	snprintf(why, sizeof(why), "%s: %s", path, error == EACCES ?
	    privdrop_denial(path) : strerror(error));
	conf_forget_passwords(&m->conf);
	if (error == EACCES)
		helper_give_up(m, HELPER_AUTH, why);
	else
		helper_lose(m, HELPER_AUTH, why);
}

static bool
wanted(const struct master *m)
{
	return m->wants_logins;
}

const struct helper_role auth_role = {
	.then = "nobody can log in",
	.way = IPC_FROM_AUTH,
	.wanted = wanted,
	.feed = feed,
	.take = take,
	.lost = lost
};
