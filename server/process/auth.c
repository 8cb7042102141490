/*
 * Sends tables of passwords, and one question at a time.
 */
#include "server/process/auth.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "server/conf/privdrop.h"
#include "server/process/helper.h"

/* Rows on their way, of an epoch that is left when they have been sent. */
struct table {
	struct conf_epoch	*epoch;		/* NULL: nothing is sent */
	size_t			 domain, user;	/* next to be sent */
	uint64_t		 rows;		/* sent so far */
	bool			 ended;		/* TABLE was sent */
};

static struct {
	bool			 busy;		/* no answer to question yet */
	bool			 due;		/* question is to be sent */
	struct ipc_password	 question;	/* wiped once it is sent */
	struct table		 table;
} auth;

static bool
make_row(const struct conf_domain *d, const struct conf_entry *u,
    struct ipc_account *out)
{
	char text[login_name_max_bytes];

	snprintf(text, sizeof(text), "%s@%s", u->name, d->name);
	if (u->stored == NULL || strlcpy(out->stored, u->stored,
	    sizeof(out->stored)) >= sizeof(out->stored) ||
	    !smtp_mailbox_from_text(span_of(text), &out->who))
		return false;
	return true;
}

/* Writes each account that can log in, and at the end their number. */
static bool
next_row(struct table *t, struct ipc_record *out)
{
	const struct conf *conf = &t->epoch->conf;

	out->type = IPC_ACCOUNT;
	for (; t->domain < conf->domain_count; t->domain++, t->user = 0) {
		const struct conf_domain *d = &conf->domains[t->domain];

		while (t->user < d->users.count)
			if (make_row(d, &d->users.one[t->user++],
			    &out->u.account)) {
				t->rows++;
				return true;
			}
	}
	if (t->ended)
		return false;
	out->type = IPC_TABLE;
	out->u.number.n = t->rows;
	t->ended = true;
	return true;
}

/* Leaves an epoch and wipes its passwords: no other process needs them. */
static void
drop_table(void)
{
	if (auth.table.epoch == NULL)
		return;
	conf_forget_passwords(&auth.table.epoch->conf);
	conf_epoch_leave(auth.table.epoch);
	auth.table.epoch = NULL;
}

static void
lost(struct master *m, bool again)
{
	explicit_bzero(auth.question.password, sizeof(auth.question.password));
	drop_table();
	auth.busy = auth.due = false;
	m->auth_owner->on_lost(m, again);
}

bool
auth_is_idle(const struct master *m)
{
	return m->helpers[HELPER_AUTH].state == HELPER_SERVING &&
	    !auth.busy;
}

void
auth_ask(struct master *m, const struct ipc_password *question)
{
	const uint64_t ticket = auth.question.ticket + 1;

	auth.question = *question;
	auth.question.ticket = ticket;
	auth.busy = auth.due = true;
	helper_tell(m, HELPER_AUTH);
}

static bool
take(struct master *m, const struct ipc_record *r)
{
	if (r->type != IPC_CHECKED || !auth.busy ||
	    r->u.checked.ticket != auth.question.ticket)
		return true;
	auth.busy = false;
	m->auth_owner->on_answer(m, (enum smtp_reply)r->u.checked.answer);
	m->auth_owner->on_idle(m);
	return true;
}

/* A question does not wait for the rows of a table. */
static bool
next(void *helper, struct ipc_record *out)
{
	struct master *m = ((struct helper *)helper)->master;

	while (!auth.due) {
		memset(out, 0, sizeof(*out));
		if (auth.table.epoch == NULL)
			return false;
		if (next_row(&auth.table, out))
			return true;
		drop_table();
		helper_fed(m, HELPER_AUTH);
		m->auth_owner->on_idle(m);
	}
	memset(out, 0, sizeof(*out));
	out->type = IPC_PASSWORD;
	out->u.password = auth.question;
	explicit_bzero(auth.question.password, sizeof(auth.question.password));
	auth.due = false;
	return true;
}

void
auth_renew(struct master *m)
{
	if (m->helpers[HELPER_AUTH].state < HELPER_UNFED) {
		conf_forget_passwords(&m->conf);
		return;
	}
	/* Rows that were sent without their TABLE do not count. */
	drop_table();
	auth.table = (struct table){ .epoch = conf_epoch_enter(m->epoch) };
	helper_tell(m, HELPER_AUTH);
}

/* Sends the current table; at start the master still has it in memory. */
static void
feed(struct master *m, bool first)
{
	const char *path;
	char why[PATH_MAX + 64];
	int error;

	if (first || conf_passwords_load(&m->conf, &path) == 0) {
		auth_renew(m);
		return;
	}
	error = errno;
	snprintf(why, sizeof(why), "%s: %s", path, error == EACCES ?
	    privdrop_denial(path) : strerror(error));
	conf_forget_passwords(&m->conf);
	helper_lose(m, HELPER_AUTH, why, error == EACCES);
}

const struct helper_role auth_role = {
	.then = "nobody can log in",
	.next = next,
	.feed = feed,
	.take = take,
	.lost = lost
};
